package footplate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	footplate "github.com/footplate/footplate/clients/go"
	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// lines are those of a log, waited for.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func newLines() *lines { return &lines{news: make(chan struct{}, 1)} }

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.text.Write(text)
}

func (l *lines) wait(t *testing.T, part string) {
	t.Helper()
	for timeout := time.After(patience); ; {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if strings.Contains(text, part) {
			return
		}
		select {
		case <-l.news:
		case <-timeout:
			t.Fatalf("no %q in %s", part, text)
		}
	}
}

// begin has an execution on a relay of its own.
func begin(t *testing.T, spec footplate.ExecutionSpec) (*relay, *footplate.Engine, *footplate.Execution) {
	t.Helper()
	relay := plainRelay(t)
	engine := attach(t, relay.engines)
	run := must(engine.Start(within(t), "run-1", spec))(t)
	ok(t, engine.Flush(within(t)))
	return relay, engine, run
}

func open(t *testing.T, engine *footplate.Engine, run *footplate.Execution, id string) *footplate.Gate {
	t.Helper()
	gate := must(run.Gate(within(t), footplate.GateSpec{ID: id, NodeID: "deploy", Title: "Deploy?", Payload: asked}))(t)
	ok(t, engine.Flush(within(t)))
	return gate
}

func TestDecisions(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	boom := errors.New("boom")
	gates := 0
	// ask has a gate decided, acts on it, and returns what became of it.
	ask := func(t *testing.T, optionID string, more object, now plan, act error) (plan, bool, error, object) {
		t.Helper()
		gates++
		id := say("deploy:%d", gates)
		gate := open(t, engine, run, id)
		relay.decide("run-1", id, "d-"+id, optionID, more)
		decision := must(gate.Wait(ctx))(t)
		var got plan
		acted := false
		err := footplate.Apply(ctx, decision, now, func(_ context.Context, decided plan) error {
			got, acted = decided, true
			return act
		})
		if again := footplate.Apply(ctx, decision, now, func(context.Context, plan) error { panic("twice") }); !errors.Is(again, footplate.ErrUsed) {
			t.Errorf("used again: %v", again)
		}
		if again := decision.Applied(); !errors.Is(again, footplate.ErrUsed) {
			t.Errorf("reported again: %v", again)
		}
		if _, err := run.Gate(ctx, footplate.GateSpec{ID: id}); !errors.Is(err, footplate.ErrGateUsed) {
			t.Errorf("asked again: %v", err)
		}
		var settled object
		relay.until("run-1", id+" is settled", func(state object) bool {
			settled = one(list(state, "gates"), "gate_id", id)
			return settled["delivery"] != "queued" && settled["delivery"] != "sent" && settled["delivery"] != "delivered"
		})
		return got, acted, err, settled
	}
	modified := plan{Version: "v12", Replicas: 4}
	for name, c := range map[string]struct {
		optionID string
		more     object
		now      plan
		act      error

		got      plan
		acted    bool
		err      error
		delivery string
		reason   any
	}{
		"approved": {"approve", nil, asked, nil, asked, true, nil, "applied", nil},
		"modified": {"modify", object{"modification": modified}, asked, nil, modified, true, nil, "applied", nil},
		"rejected": {"reject", object{"comment": "no"}, asked, nil, plan{}, false, footplate.ErrRejected, "applied", nil},
		"changed":  {"approve", nil, modified, nil, plan{}, false, footplate.ErrPayloadChanged, "refused", "payload_changed"},
		"failed":   {"approve", nil, asked, boom, asked, true, boom, "failed", "boom"},
		"refused":  {"approve", nil, asked, footplate.Refuse("no quota"), asked, true, nil, "refused", "no quota"},
		"misfit": {
			"modify", object{"modification": object{"version": "v12", "replicas": 4, "region": "eu"}}, asked, nil,
			plan{}, false, footplate.ErrPayloadChanged, "refused", "invalid_payload",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, acted, err, settled := ask(t, c.optionID, c.more, c.now, c.act)
			if got != c.got || acted != c.acted {
				t.Errorf("acted %v on %v", acted, got)
			}
			if wanted := c.err != nil || c.act != nil; (err != nil) != wanted || (c.err != nil && !errors.Is(err, c.err)) {
				t.Errorf("the error is %v", err)
			}
			if settled["delivery"] != c.delivery || settled["delivery_reason"] != c.reason {
				t.Errorf("the gate is %v %v", settled["delivery"], settled["delivery_reason"])
			}
		})
	}
}

// The types of the payload may differ between asking and acting; what counts is the JSON.
func TestDigestOfAnotherType(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := open(t, engine, run, "g")
	relay.decide("run-1", "g", "d", "approve", nil)
	now := map[string]any{"replicas": json.Number("3"), "version": "v12"}
	ok(t, footplate.Apply(ctx, must(gate.Wait(ctx))(t), now, func(context.Context, map[string]any) error { return nil }))
	relay.delivered("run-1", "g", "applied")
}

// A panic while acting is told, and goes on.
func TestPanicWhileActing(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := open(t, engine, run, "g")
	relay.decide("run-1", "g", "d", "approve", nil)
	decision := must(gate.Wait(ctx))(t)
	func() {
		defer func() {
			if recover() != "so what" {
				t.Error("the panic was swallowed")
			}
		}()
		_ = footplate.Apply(ctx, decision, asked, func(context.Context, plan) error { panic("so what") })
	}()
	relay.delivered("run-1", "g", "failed")
}

// Of many who act on one decision at the same time, one does.
func TestOneEffect(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := open(t, engine, run, "g")
	relay.decide("run-1", "g", "d", "approve", nil)
	var effects, used atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			decision, err := gate.Wait(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			err = footplate.Apply(ctx, decision, asked, func(context.Context, plan) error { effects.Add(1); return nil })
			if errors.Is(err, footplate.ErrUsed) {
				used.Add(1)
			}
		})
	}
	all.Wait()
	if effects.Load() != 1 || used.Load() != 15 {
		t.Errorf("%d effects, and %d were told so", effects.Load(), used.Load())
	}
	relay.delivered("run-1", "g", "applied")
}

// A question that is announced again is the same as long as nothing of it has changed.
func TestGateAnnouncedAgain(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := open(t, engine, run, "g")
	spec := footplate.GateSpec{ID: "g", NodeID: "deploy", Title: "Deploy?", Payload: asked}
	if again := must(run.Gate(ctx, spec))(t); again != gate || gate.Version() != 1 {
		t.Errorf("another gate, or version %d", gate.Version())
	}
	more := plan{Version: "v12", Replicas: 1000}
	spec.Payload = more
	must(run.Gate(ctx, spec))(t)
	ok(t, engine.Flush(ctx))
	if gate.Version() != 2 {
		t.Errorf("it is version %d", gate.Version())
	}
	status, receipt := relay.http("POST", "/v1/executions/run-1/gates/g/decisions", object{"decision_id": "d1", "gate_version": 1, "option_id": "approve"})
	if status != 409 || receipt["stage"] != "gate_changed" {
		t.Errorf("the decision about the old one got %d %v", status, receipt)
	}
	relay.decide("run-1", "g", "d2", "approve", object{"gate_version": 2})
	ok(t, footplate.Apply(ctx, must(gate.Wait(ctx))(t), more, func(context.Context, plan) error { return nil }))
	relay.delivered("run-1", "g", "applied")
}

// A gate that the relay does not take is told to the one who waits.
func TestRejectedGate(t *testing.T) {
	_, _, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := must(run.Gate(ctx, footplate.GateSpec{ID: "g", Options: []*pb.GateOption{{OptionId: "a"}, {OptionId: "a"}}}))(t)
	if _, err := gate.Wait(ctx); !errors.Is(err, footplate.ErrGateRejected) {
		t.Errorf("it was %v", err)
	}
}

// Patience leaves the gate open; the end of a context withdraws it.
func TestWithdrawal(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := open(t, engine, run, "g")
	if _, err := gate.WaitFor(ctx, time.Millisecond); !errors.Is(err, footplate.ErrUndecided) {
		t.Fatalf("patience ended with %v", err)
	}
	if state := one(list(relay.state("run-1"), "gates"), "gate_id", "g"); state["resolution"] != "open" {
		t.Fatalf("it is %v", state)
	}
	waiting, giveUp := context.WithCancel(ctx)
	waited := make(chan error)
	go func() {
		_, err := gate.Wait(waiting)
		waited <- err
	}()
	giveUp()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("it was %v", err)
	}
	relay.until("run-1", "the gate is withdrawn", func(state object) bool {
		return one(list(state, "gates"), "gate_id", "g")["resolution"] == "withdrawn"
	})
	if _, err := gate.Wait(ctx); !errors.Is(err, footplate.ErrGateClosed) {
		t.Errorf("further waiting got %v", err)
	}

	other := open(t, engine, run, "h")
	ok(t, other.Withdraw(ctx, "changed my mind"))
	third := open(t, engine, run, "i")
	relay.decide("run-1", "i", "d", "approve", nil)
	if err := third.Withdraw(ctx, "too late"); !errors.Is(err, footplate.ErrDecided) {
		t.Fatalf("it was %v", err)
	}
	ok(t, footplate.Apply(ctx, must(third.Wait(ctx))(t), asked, func(context.Context, plan) error { return nil }))
	relay.delivered("run-1", "i", "applied")
}

// A gate that is given up right before the end is withdrawn all the same.
func TestWithdrawalBeforeClose(t *testing.T) {
	relay, engine, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	gate := must(run.Gate(ctx, footplate.GateSpec{ID: "g"}))(t)
	if _, err := gate.Wait(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("it was %v", err)
	}
	ok(t, engine.Close(ctx))
	if state := one(list(relay.state("run-1"), "gates"), "gate_id", "g"); state["resolution"] != "withdrawn" {
		t.Errorf("the gate is %v", state)
	}
}

// A decision that comes while nobody will ever take it is refused, and not left for ever.
func TestDecisionAfterGivingUp(t *testing.T) {
	relay := plainRelay(t)
	network := newCutter(t, relay.engines, 0)
	engine := attach(t, network.target())
	ctx := within(t)
	run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	gate := open(t, engine, run, "g")
	// While paused, a decision is there and nobody gets it.
	relay.order("run-1", "pause_execution", "p1")
	relay.until("run-1", "it is pausing", func(state object) bool { return state["progress"].(object)["status"] == "pausing" })
	waiting, giveUp := context.WithCancel(ctx)
	waited := make(chan error)
	go func() {
		_, err := gate.Wait(waiting)
		waited <- err
	}()
	relay.until("run-1", "it is paused", func(state object) bool { return state["progress"].(object)["status"] == "paused" })
	relay.decide("run-1", "g", "d", "approve", nil)
	relay.delivered("run-1", "g", "delivered")
	giveUp()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("it was %v", err)
	}
	if settled := relay.delivered("run-1", "g", "refused"); settled["delivery_reason"] != "withdrawn" {
		t.Errorf("it is %v", settled)
	}
}

// The deadline is the relay's affair, and is nobody's rejection.
func TestExpiry(t *testing.T) {
	relay, _, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	gate := must(run.Gate(ctx, footplate.GateSpec{ID: "g", Payload: asked, Deadline: time.Now()}))(t)
	_, err := footplate.Consume(must(gate.Wait(ctx))(t), asked)
	if !errors.Is(err, footplate.ErrExpired) || errors.Is(err, footplate.ErrRejected) || !errors.Is(err, footplate.ErrNotApproved) {
		t.Errorf("it was %v", err)
	}
	relay.delivered("run-1", "g", "applied")
}

func TestPauseAndResume(t *testing.T) {
	relay, _, run := begin(t, footplate.ExecutionSpec{})
	ctx := within(t)
	relay.order("run-1", "pause_execution", "p1")
	relay.until("run-1", "it is pausing", func(state object) bool { return state["progress"].(object)["status"] == "pausing" })
	passed := make(chan error)
	go func() { passed <- run.Checkpoint(ctx) }()
	relay.until("run-1", "it is paused", func(state object) bool { return state["progress"].(object)["status"] == "paused" })
	relay.order("run-1", "resume_execution", "r1")
	ok(t, <-passed)
	relay.until("run-1", "it is running", func(state object) bool { return state["progress"].(object)["status"] == "running" })
}

// A cancel ends the context of the work, whatever that is waiting for.
func TestCancel(t *testing.T) {
	relay := plainRelay(t)
	engine := attach(t, relay.engines)
	ctx := within(t)
	at := make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- engine.Run(ctx, "run-1", footplate.ExecutionSpec{}, func(ctx context.Context, run *footplate.Execution) error {
			close(at)
			<-ctx.Done()
			if err := run.Checkpoint(context.Background()); !errors.Is(err, footplate.ErrCancelled) {
				t.Errorf("the checkpoint got %v", err)
			}
			return context.Cause(ctx)
		})
	}()
	<-at
	relay.until("run-1", "it is there", func(state object) bool { return state != nil })
	relay.order("run-1", "cancel_execution", "c1")
	if err := <-ended; !errors.Is(err, footplate.ErrCancelled) {
		t.Errorf("it ended with %v", err)
	}
	ok(t, engine.Close(ctx))
	if status := relay.state("run-1")["progress"].(object)["status"]; status != "cancelled" {
		t.Errorf("it is %v", status)
	}
	commands := relay.records("run-1", "command_status")
	if last := commands[len(commands)-1]; last["command_id"] != "c1" || !strings.Contains(say("%v", last), "applied") {
		t.Errorf("the command is %v", last)
	}
}

// Handlers are called one at a time, and one that is superseded is told so.
func TestHandlers(t *testing.T) {
	var busy atomic.Int32
	one := func(do func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			if busy.Add(1) != 1 {
				t.Error("two handlers at once")
			}
			defer busy.Add(-1)
			return do(ctx)
		}
	}
	pausing := make(chan struct{})
	relay, engine, run := begin(t, footplate.ExecutionSpec{
		OnPause:  one(func(ctx context.Context) error { close(pausing); <-ctx.Done(); return ctx.Err() }),
		OnResume: one(func(context.Context) error { return nil }),
		OnCancel: one(func(context.Context) error { return footplate.Refuse("not now") }),
	})
	relay.order("run-1", "pause_execution", "p1")
	<-pausing
	relay.order("run-1", "resume_execution", "r1")
	last := func(id string) string {
		found := ""
		for _, record := range relay.records("run-1", "command_status") {
			if record["command_id"] == id {
				found = say("%v %v", record["stage"], record["reason"])
			}
		}
		return found
	}
	becomes := func(id, wanted string) {
		t.Helper()
		relay.until("run-1", id+" is "+wanted, func(object) bool { return last(id) == wanted })
	}
	becomes("p1", "refused superseded")
	becomes("r1", "applied <nil>")
	relay.order("run-1", "cancel_execution", "c1")
	becomes("c1", "refused not now")
	if !errors.Is(run.Checkpoint(within(t)), footplate.ErrCancelled) {
		t.Error("a cancel is taken back")
	}
	ok(t, engine.Close(within(t)))
}
