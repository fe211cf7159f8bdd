package footplate

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// ordered is a map that is walked through in the order in which its keys came. Its zero value is empty.
type ordered[K comparable, V any] struct {
	keys   []K
	values map[K]V
}

func (o *ordered[K, V]) get(key K) (V, bool) {
	value, ok := o.values[key]
	return value, ok
}

func (o *ordered[K, V]) set(key K, value V) {
	if o.values == nil {
		o.values = map[K]V{}
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *ordered[K, V]) delete(key K) {
	o.deleteFunc(func(other K) bool { return other == key })
}

func (o *ordered[K, V]) deleteFunc(goes func(K) bool) {
	o.keys = slices.DeleteFunc(o.keys, func(key K) bool {
		if goes(key) {
			delete(o.values, key)
			return true
		}
		return false
	})
}

// trim keeps the youngest.
func (o *ordered[K, V]) trim(most int) {
	for len(o.keys) > most {
		delete(o.values, o.keys[0])
		o.keys = slices.Delete(o.keys, 0, 1)
	}
}

func (o *ordered[K, V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, key := range o.keys {
			if !yield(o.values[key]) {
				return
			}
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](from map[K]V) []K {
	return slices.Sorted(maps.Keys(from))
}
