package footplate

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// How an execution's events get into the outbox, and what happens where there is no room.

// emit states an event that is the execution's own from now on.
func (x *Execution) emit(ctx context.Context, event *pb.Event) error {
	size, err := x.measure(event)
	if err != nil {
		return err
	}
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	if err := x.room(ctx, size); err != nil {
		return err
	}
	x.takeIn(event, size)
	return nil
}

func (x *Execution) log(at time.Time, line *pb.LogWritten) {
	for _, text := range []*string{&line.Message, &line.NodeId, &line.Stream, &line.Logger} {
		*text = valid(*text)
	}
	event := &pb.Event{EventTime: timestamp(at), Kind: &pb.Event_LogWritten{LogWritten: line}}
	size := proto.Size(event)
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case x.check() != nil || e.closing:
	case uint64(size) > e.limits.MaxEventBytes:
		x.drop(event.EventTime, pb.DropReason_DROP_REASON_TOO_LARGE)
	case !e.fits(size, droppableShare):
		x.drop(event.EventTime, pb.DropReason_DROP_REASON_OUTBOX_FULL)
	default:
		x.makeUp()
		x.takeIn(event, size)
	}
}

// measure gives an event its time, and finds out whether it can be encoded: one that can't would break every link.
func (x *Execution) measure(event *pb.Event) (int, error) {
	if event.EventTime == nil {
		event.EventTime = timestamp(time.Now())
	}
	encoded, err := proto.Marshal(event)
	if err != nil {
		return 0, fmt.Errorf("execution %s: %w: %w", x.id, ErrInvalid, err)
	}
	return len(encoded), nil
}

// What follows is called with the engine's mu held.

// check says why nothing more can be stated.
func (x *Execution) check() error {
	if x.engine.err != nil {
		return x.engine.err
	}
	return x.refused
}

// ready says why this event can't be stated.
func (x *Execution) ready(size int) error {
	if err := x.check(); err != nil {
		return err
	}
	if x.engine.closing {
		return ErrClosed
	}
	if most := x.engine.limits.MaxEventBytes; uint64(size) > most {
		return fmt.Errorf("execution %s: %w: %d bytes; the relay takes %d", x.id, ErrTooLarge, size, most)
	}
	return nil
}

// room waits for room in the outbox, and makes up for what was dropped.
func (x *Execution) room(ctx context.Context, size int) error {
	e := x.engine
	for {
		if err := x.ready(size); err != nil {
			return err
		}
		if e.fits(size, whole) {
			x.makeUp()
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("execution %s: %w: %d events: %w", x.id, ErrOutboxFull, e.events, context.Cause(ctx))
		}
		e.pause(ctx, nil)
	}
}

// note states an event of the client's own, which waits for no room: there are few, and none without something that the
// relay has sent.
func (x *Execution) note(event *pb.Event) {
	if x.check() != nil {
		return
	}
	if size, err := x.measure(event); err == nil {
		x.makeUp()
		x.takeIn(event, size)
	}
}

// takeIn numbers an event. The sender is woken for the first of a batch, and when the batch is full.
func (x *Execution) takeIn(event *pb.Event, size int) *entry {
	e := x.engine
	e.events++
	e.bytes += size
	e.fresh++
	if !e.dirty || e.fresh == batchEvents {
		e.wakeSender()
	}
	return x.lane.append(event, size)
}

// drop counts an event that is not stated.
func (x *Execution) drop(at *timestamppb.Timestamp, why pb.DropReason) {
	if x.dropped == nil {
		x.dropped = &pb.EventsDropped{Reason: why, FirstDropTime: at}
	}
	x.dropped.Count++
	x.dropped.LastDropTime = at
}

// makeUp states how many events were dropped.
func (x *Execution) makeUp() {
	if x.dropped == nil {
		return
	}
	event := &pb.Event{
		EventTime: timestamp(time.Now()), Kind: &pb.Event_EventsDropped{EventsDropped: x.dropped},
	}
	x.dropped = nil
	x.takeIn(event, proto.Size(event))
}

// settle does what may drop entries from the lane, and uses the room that this makes.
func (x *Execution) settle(do func()) {
	e := x.engine
	events, bytes := len(x.lane.entries), x.lane.bytes
	do()
	events -= len(x.lane.entries)
	e.events -= events
	e.bytes -= bytes - x.lane.bytes
	if events == 0 {
		return
	}
	if e.fits(0, droppableShare) {
		x.makeUp()
		for _, nodeID := range sortedKeys(x.latest) {
			event := x.latest[nodeID]
			delete(x.latest, nodeID)
			x.takeIn(event, proto.Size(event))
		}
	}
	if x.finished && len(x.lane.entries) == 0 {
		e.retire(x)
	}
}
