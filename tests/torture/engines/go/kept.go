package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// line is one of a history, or of what is kept.
type line map[string]any

// lines is a file of JSON lines, each of which is in the kernel's hands before anything that follows from it is done.
type lines struct {
	mu   sync.Mutex
	file *os.File
}

func open(path string) (*lines, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &lines{file: file}, err
}

func (l *lines) add(it any) {
	text, err := json.Marshal(it)
	if err == nil {
		l.mu.Lock()
		_, err = l.file.Write(append(text, '\n'))
		l.mu.Unlock()
	}
	if err != nil {
		panic(fmt.Sprintf("what has to be kept can't be written: %v", err))
	}
}

// kept is a line of either kept file.
type kept struct {
	Execution string `json:"x"`
	// A step that was begun; the version of its question; whether that is being withdrawn, or was settled without an answer.
	Step      *int `json:"i,omitempty"`
	Version   int  `json:"v,omitempty"`
	Withdraws bool `json:"w,omitempty"`
	Closed    bool `json:"c,omitempty"`
	Over      int  `json:"d,omitempty"`
	// How many executions were begun.
	Count int `json:"n,omitempty"`
	// The first number of events that were sent, and these; or an acknowledged number.
	First  uint64   `json:"q,omitempty"`
	Events [][]byte `json:"e,omitempty"`
	Acked  uint64   `json:"a,omitempty"`
}

// newest is the file of the last start.
func newest(folder, name string) string {
	paths, _ := filepath.Glob(filepath.Join(folder, name+".*"))
	last, at := "", int64(-1)
	for _, path := range paths {
		if n, err := strconv.ParseInt(strings.TrimPrefix(filepath.Ext(path), "."), 10, 64); err == nil && n > at {
			last, at = path, n
		}
	}
	return last
}

// recall reads what was kept. A line that a kill cut off was never acted upon.
func recall(path string, take func(kept)) {
	if path == "" {
		return
	}
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		var it kept
		if json.Unmarshal(scanner.Bytes(), &it) == nil {
			take(it)
		}
	}
}

// compact begins a file of this start's own with what is still of use: an older process that only seemed to be dead must not
// write into it.
func compact(folder, name string, epoch uint64, count int, useful func(string) bool) (*lines, error) {
	old := newest(folder, name)
	fresh := filepath.Join(folder, fmt.Sprintf("new.%s.%d.tmp", name, os.Getpid()))
	to, err := open(fresh)
	if err != nil {
		return nil, err
	}
	to.add(kept{Count: count})
	recall(old, func(it kept) {
		if useful(it.Execution) {
			to.add(it)
		}
	})
	path := filepath.Join(folder, fmt.Sprintf("%s.%d", name, epoch))
	if err := os.Rename(fresh, path); err != nil {
		return nil, err
	}
	if old != "" {
		_ = os.Remove(old)
	}
	return to, nil
}

// effects is what this engine has done in the world: a line for each, synced, and never a second one for a question, whichever
// process comes to it. It stands for a database with a unique key.
type effects struct {
	mu    sync.Mutex
	file  *os.File
	known map[string]string
	read  int64
}

func openEffects(path string) (*effects, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	return &effects{file: file, known: map[string]string{}}, err
}

// have has this effect, unless there is one: it returns the decision that had it.
func (f *effects) have(execution, gate, decision string, text line) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := syscall.Flock(int(f.file.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	defer func() { _ = syscall.Flock(int(f.file.Fd()), syscall.LOCK_UN) }()
	info, err := f.file.Stat()
	if err != nil {
		return "", err
	}
	more := make([]byte, info.Size()-f.read)
	if _, err := f.file.ReadAt(more, f.read); err != nil {
		return "", err
	}
	f.read += int64(len(more))
	for _, one := range bytes.Split(more, []byte("\n")) {
		var it struct{ Exec, Gate, Decision string }
		if json.Unmarshal(one, &it) == nil {
			f.known[it.Exec+"\n"+it.Gate] = it.Decision
		}
	}
	key := execution + "\n" + gate
	if known, ok := f.known[key]; ok {
		return known, nil
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	raw = append(raw, '\n')
	if len(more) > 0 && !bytes.HasSuffix(more, []byte("\n")) {
		// Behind a line that a kill has cut off.
		raw = append([]byte("\n"), raw...)
	}
	if _, err := f.file.Write(raw); err != nil {
		return "", err
	}
	f.read += int64(len(raw))
	f.known[key] = decision
	return decision, f.file.Sync()
}

func micros() int64 { return time.Now().UnixMicro() }
