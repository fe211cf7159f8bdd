package footplate_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	footplate "github.com/footplate/footplate/clients/go"
	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

type plan struct {
	Version  string `json:"version"`
	Replicas int    `json:"replicas"`
}

var asked = plan{Version: "v12", Replicas: 3}

// A run with everything that most engines state, over each kind of link.
func TestRunOverEveryKindOfLink(t *testing.T) {
	links := map[string]func(t *testing.T) (*relay, []footplate.Option){
		"plain": func(t *testing.T) (*relay, []footplate.Option) { return plainRelay(t), nil },
		"tls": func(t *testing.T) (*relay, []footplate.Option) {
			authority := newAuthority(t)
			relay := serve(t, "127.0.0.1:0", "127.0.0.1:0", authority)
			return relay, []footplate.Option{footplate.WithTransportCredentials(authority.trusted)}
		},
		"unix": func(t *testing.T) (*relay, []footplate.Option) {
			// Its path has to be short.
			folder := must(os.MkdirTemp("", "footplate-"))(t)
			t.Cleanup(func() { os.RemoveAll(folder) })
			return serve(t, "unix:"+filepath.Join(folder, "engine.sock"), "127.0.0.1:0", nil), nil
		},
	}
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			relay, options := link(t)
			engine := attach(t, relay.engines, options...)
			ctx := within(t)
			spec := footplate.ExecutionSpec{Name: "Nightly", Budget: 2 * footplate.Dollar, Labels: map[string]string{"team": "a"}}
			err := engine.Run(ctx, "run-1", spec, func(ctx context.Context, run *footplate.Execution) error {
				ok(t, run.Graph(ctx, []*pb.GraphNode{{NodeId: "build"}, {NodeId: "deploy"}},
					[]*pb.GraphEdge{{SourceNodeId: "build", TargetNodeId: "deploy"}}))
				ok(t, run.Node(ctx, "build", footplate.NodeRunning, footplate.Input(map[string]string{"ref": "main"})))
				run.Logger("build").With("try", 1).WithGroup("cc").Warn("slow", "took", 3*time.Second, "why", errors.New("cold"))
				run.Progress("build", 0.5, "half")
				ok(t, run.Cost(ctx, footplate.Spending{USD: 12_500 * footplate.Micro, NodeID: "build", Model: "m", InputTokens: 800}))
				ok(t, run.Cost(ctx, footplate.Spending{USD: footplate.Cent, NodeID: "build", Model: "m", OutputTokens: 20}))
				ok(t, run.Node(ctx, "build", footplate.NodeCompleted, footplate.Output(map[string]int{"rows": 12})))
				ok(t, run.Node(ctx, "deploy", footplate.NodeFailed, footplate.Failure(errors.New("no such host"))))
				return nil
			})
			ok(t, err)
			ok(t, engine.Flush(ctx))
			state := relay.state("run-1")
			if name := state["execution"].(object)["name"]; name != "Nightly" {
				t.Errorf("the name is %v", name)
			}
			if status := state["progress"].(object)["status"]; status != "completed" {
				t.Errorf("the execution is %v", status)
			}
			cost := state["cost"].(object)
			if cost["spent_usd_nanos"] != 22_500_000.0 || cost["budget_usd_nanos"] != 2e9 || cost["total_tokens"] != 820.0 {
				t.Errorf("the cost is %v", cost)
			}
			build := one(list(state, "nodes"), "node_id", "build")
			if build["status"] != "completed" || build["output"].(object)["rows"] != 12.0 {
				t.Errorf("the node is %v", build)
			}
			deploy := one(list(state, "nodes"), "node_id", "deploy")
			if deploy["status"] != "failed" || !strings.Contains(say("%v", deploy), "no such host") {
				t.Errorf("the node is %v", deploy)
			}
			lines := relay.records("run-1", "log")
			if len(lines) != 1 || lines[0]["message"] != "slow" || lines[0]["level"] != "warning" || lines[0]["node_id"] != "build" {
				t.Fatalf("the log is %v", lines)
			}
			metadata := say("%v", lines[0]["metadata"])
			if metadata != say("%v", object{"try": 1, "cc": object{"took": "3s", "why": "cold"}}) {
				t.Errorf("the line's metadata are %s", metadata)
			}
			ok(t, engine.Close(ctx))
			if err := engine.Err(); !errors.Is(err, footplate.ErrClosed) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

// A certificate that nobody trusted vouches for is refused, and the engine goes on trying.
func TestUntrustedRelay(t *testing.T) {
	relay := serve(t, "127.0.0.1:0", "127.0.0.1:0", newAuthority(t))
	warned := newLines()
	engine := attach(t, relay.engines, footplate.WithTransportCredentials(newAuthority(t).trusted), footplate.WithLogger(warned.logger()))
	warned.wait(t, "certificate")
	if engine.Welcome() != nil || engine.Err() != nil {
		t.Errorf("it has %v and %v", engine.Welcome(), engine.Err())
	}
}

func TestSettingsAreChecked(t *testing.T) {
	name, quiet := footplate.WithProducerID("test"), footplate.WithLogger(slog.New(slog.DiscardHandler))
	for wanted, options := range map[string][]footplate.Option{
		"WithProducerID":           nil,
		"WithBackoff":              {name, footplate.WithBackoff(0, 0)},
		"WithOutbox":               {name, footplate.WithOutbox(0, 1)},
		"WithLogger":               {name, footplate.WithLogger(nil)},
		"WithTransportCredentials": {name, footplate.WithToken("secret")},
	} {
		if _, err := footplate.New("relay.example:443", options...); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("without a remedy that names %s: %v", wanted, err)
		}
	}
	if _, err := footplate.New("no\x00target", name); err == nil {
		t.Error("any target will do")
	}
	for _, target := range []string{"localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/nowhere", "dns:///localhost:1"} {
		engine := must(footplate.New(target, name, quiet, footplate.WithToken("secret")))(t)
		ok(t, engine.Close(within(t)))
	}
}

// What is not acknowledged when a connection breaks is sent again: nothing is lost, and nothing is there twice.
func TestConnectionsThatBreakInTheMiddle(t *testing.T) {
	const lines = 900
	relay := plainRelay(t)
	network := newCutter(t, relay.engines, 700, 2_000, 5_000, 9_000, 14_000)
	engine := attach(t, network.target())
	ctx := within(t)
	run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	for n := range lines {
		line := &pb.LogWritten{Message: say("line %d", n)}
		ok(t, run.Emit(ctx, &pb.Event{Kind: &pb.Event_LogWritten{LogWritten: line}}))
	}
	ok(t, engine.Flush(ctx))
	if network.connections() != 6 {
		t.Errorf("there were %d connections", network.connections())
	}
	records := relay.records("run-1", "log")
	if len(records) != lines {
		t.Fatalf("there are %d lines", len(records))
	}
	for n, record := range records {
		if record["message"] != say("line %d", n) {
			t.Fatalf("line %d is %v", n, record)
		}
	}
}

// A relay that has lost its memory gets the state again, and asks its people what was open.
func TestRelayKilledAndRestarted(t *testing.T) {
	relay := plainRelay(t)
	engine := attach(t, relay.engines)
	ctx := within(t)
	run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{Name: "Nightly", Budget: footplate.Dollar}))(t)
	ok(t, run.Graph(ctx, []*pb.GraphNode{{NodeId: "build", Label: "Build"}, {NodeId: "deploy"}},
		[]*pb.GraphEdge{{SourceNodeId: "build", TargetNodeId: "deploy"}}))
	ok(t, run.Node(ctx, "build", footplate.NodeRunning))
	for range 3 {
		ok(t, run.Cost(ctx, footplate.Spending{USD: footplate.Cent, NodeID: "build", Model: "m", InputTokens: 10}))
	}
	ok(t, run.Node(ctx, "build", footplate.NodeCompleted, footplate.Output("done")))
	// One gate is behind us.
	first := must(run.Gate(ctx, footplate.GateSpec{ID: "build:1", NodeID: "build", Payload: asked}))(t)
	ok(t, engine.Flush(ctx))
	relay.decide("run-1", "build:1", "d1", "approve", nil)
	ok(t, footplate.Apply(ctx, must(first.Wait(ctx))(t), asked, func(context.Context, plan) error { return nil }))
	relay.delivered("run-1", "build:1", "applied")
	gate := must(run.Gate(ctx, footplate.GateSpec{ID: "deploy:1", NodeID: "deploy", Title: "Deploy?", Payload: asked}))(t)
	ok(t, engine.Flush(ctx))
	before := relay.state("run-1")
	boot := engine.Welcome().BootId

	relay.kill()
	// Stated while there is no relay.
	ok(t, run.Node(ctx, "docs", footplate.NodeRunning))
	relay = relay.restart()
	after := relay.until("run-1", "everything is back", func(state object) bool {
		return one(list(state, "nodes"), "node_id", "docs") != nil
	})
	ok(t, engine.Ready(ctx))
	if engine.Welcome().BootId == boot {
		t.Error("it is the same relay")
	}
	for _, key := range []string{"cost", "edges"} {
		if say("%v", before[key]) != say("%v", after[key]) {
			t.Errorf("%s was %v and is %v", key, before[key], after[key])
		}
	}
	build := one(list(after, "nodes"), "node_id", "build")
	if build["status"] != "running" || build["output"] != "done" || build["graph"].(object)["label"] != "Build" {
		t.Errorf("the node is %v", build)
	}
	if deploy := one(list(after, "nodes"), "node_id", "deploy"); deploy["status"] != "waiting_gate" {
		t.Errorf("the node is %v", deploy)
	}
	relay.decide("run-1", "deploy:1", "d2", "approve", nil)
	decision := must(gate.Wait(ctx))(t)
	ok(t, footplate.Apply(ctx, decision, asked, func(context.Context, plan) error { return nil }))
	relay.delivered("run-1", "deploy:1", "applied")
	ok(t, engine.Close(ctx))
}

// A process that starts again goes on with the numbers of the one before, and fences it.
func TestNewerProcess(t *testing.T) {
	relay := plainRelay(t)
	ctx := within(t)
	older := attach(t, relay.engines)
	run := must(older.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	run.Log(&pb.LogWritten{Message: "older"})
	ok(t, older.Flush(ctx))
	newer := attach(t, relay.engines)
	again := must(newer.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	again.Log(&pb.LogWritten{Message: "newer"})
	ok(t, newer.Flush(ctx))
	// It hears of it sooner or later.
	gate, err := run.Gate(ctx, footplate.GateSpec{ID: "g"})
	if err == nil {
		_, err = gate.Wait(ctx)
	}
	if !errors.Is(err, footplate.ErrFenced) || !errors.Is(err, footplate.ErrStopped) {
		t.Errorf("the older one got %v", err)
	}
	lines := relay.records("run-1", "log")
	if len(lines) != 2 || lines[0]["message"] != "older" || lines[1]["message"] != "newer" {
		t.Errorf("the log is %v", lines)
	}
}

// With no relay there, what may be lost is dropped and counted, and what may not waits.
func TestFullOutbox(t *testing.T) {
	relay := plainRelay(t)
	relay.kill()
	engine := attach(t, relay.engines, footplate.WithOutbox(8, 1<<20))
	ctx := within(t)
	run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	for n := range 20 {
		run.Log(&pb.LogWritten{Message: say("line %d", n)})
		run.Progress("n", float64(n)/20, "")
	}
	for err := error(nil); err == nil; {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err = run.Node(gone, "n", footplate.NodeRunning); err != nil && !errors.Is(err, footplate.ErrOutboxFull) {
			t.Fatal(err)
		}
	}
	waited := make(chan error)
	go func() { waited <- run.Node(ctx, "n", footplate.NodeCompleted) }()
	relay = relay.restart()
	ok(t, <-waited)
	ok(t, engine.Flush(ctx))
	kept, dropped := len(relay.records("run-1", "log")), 0.0
	for _, record := range relay.records("run-1", "events_dropped") {
		dropped += record["count"].(float64)
	}
	if kept+int(dropped) != 20 || kept == 0 {
		t.Errorf("%d lines came and %v were dropped", kept, dropped)
	}
	node := one(list(relay.state("run-1"), "nodes"), "node_id", "n")
	if node["status"] != "completed" || node["fraction"] != 0.95 {
		t.Errorf("the node is %v", node)
	}
}

// What can't be encoded or is too large is refused where it is stated, and harms no link.
func TestBadEvents(t *testing.T) {
	relay := plainRelay(t)
	engine := attach(t, relay.engines)
	ctx := within(t)
	run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	if err := run.Node(ctx, "\xff", footplate.NodeRunning); !errors.Is(err, footplate.ErrInvalid) {
		t.Errorf("text that is not UTF-8: %v", err)
	}
	if err := run.Node(ctx, "n", footplate.NodeRunning, footplate.Output(func() {})); !errors.Is(err, footplate.ErrInvalid) {
		t.Errorf("a value that JSON does not have: %v", err)
	}
	if err := run.Node(ctx, "n", footplate.NodeRunning, footplate.Output(strings.Repeat("x", 300<<10))); !errors.Is(err, footplate.ErrTooLarge) {
		t.Errorf("an event of 300 KiB: %v", err)
	}
	run.Log(&pb.LogWritten{Message: "so\xff so"})
	ok(t, run.Emit(ctx, &pb.Event{Kind: &pb.Event_NodeChanged{NodeChanged: &pb.NodeChanged{}}}))
	ok(t, engine.Flush(ctx))
	if lines := relay.records("run-1", "log"); len(lines) != 1 || lines[0]["message"] != "so\uFFFD so" {
		t.Errorf("the log is %v", lines)
	}
	if issues := run.Issues(); len(issues) != 1 || issues[0].Code != pb.IssueCode_ISSUE_CODE_REJECTED_INVALID {
		t.Errorf("the issues are %v", issues)
	}
}

// Neither an engine that nobody answers nor one that was at work leaves a goroutine behind.
func TestNothingIsLeftRunning(t *testing.T) {
	relay := plainRelay(t)
	ctx := within(t)
	for range 3 {
		engine := attach(t, relay.engines)
		run := must(engine.Start(ctx, "run-1", footplate.ExecutionSpec{
			OnPause: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		}))(t)
		ok(t, engine.Flush(ctx))
		relay.order("run-1", "pause_execution", say("p-%d", time.Now().UnixNano()))
		relay.until("run-1", "it is pausing", func(state object) bool { return state["progress"].(object)["status"] == "pausing" })
		gate := must(run.Gate(ctx, footplate.GateSpec{ID: say("g-%d", time.Now().UnixNano())}))(t)
		waited := make(chan error)
		go func() {
			_, err := gate.Wait(context.Background())
			waited <- err
		}()
		ok(t, engine.Close(ctx))
		if err := <-waited; !errors.Is(err, footplate.ErrClosed) {
			t.Errorf("who waited got %v", err)
		}
		if err := run.Node(ctx, "n", footplate.NodeRunning); !errors.Is(err, footplate.ErrClosed) {
			t.Errorf("an event after the end: %v", err)
		}
		ok(t, engine.Close(ctx))
	}
	relay.kill()
	absent := attach(t, relay.engines)
	must(absent.Start(ctx, "run-1", footplate.ExecutionSpec{}))(t)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := absent.Close(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 events") {
		t.Errorf("what is lost is not told: %v", err)
	}
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := 0
		for _, stack := range strings.Split(string(stacks), "\n\n") {
			if strings.Contains(stack, "google.golang.org/grpc") || strings.Contains(stack, "clients/go.(") {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d are left:\n%s", left, stacks)
		}
	}
}

func TestMoney(t *testing.T) {
	for text, wanted := range map[string]footplate.USD{"0.0125": 12_500 * footplate.Micro, "-2": -2 * footplate.Dollar, "1e-9": 1} {
		if got, err := footplate.ParseUSD(text); err != nil || got != wanted {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "1/2", "0.0000000001", "1e30"} {
		if got, err := footplate.ParseUSD(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	if text := (12_500 * footplate.Micro).String(); text != "0.0125 USD" {
		t.Error(text)
	}
}

// The example does what it says, and a person's change reaches it.
func TestExample(t *testing.T) {
	example := filepath.Join(t.TempDir(), "example")
	if out, err := exec.Command("go", "build", "-o", example, "./example").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	authority := newAuthority(t)
	relay := serve(t, "127.0.0.1:0", "127.0.0.1:0", authority)
	// The authority's certificate is the one beside the door's own.
	ca := filepath.Join(filepath.Dir(authority.cert), "ca.pem")
	for optionID, ending := range map[string]struct {
		code int
		more object
		line string
	}{
		"modify": {0, object{"modification": object{"service": "ranking", "version": "v12", "replicas": 4}}, "Replicas:4"},
		"reject": {3, object{"comment": "not today"}, "not deployed: gate approve:1: rejected: reject by local: not today"},
	} {
		id := "example-" + optionID
		engine := start(t, example, "-target", relay.engines, "-ca", ca, "-execution", id, "-producer", id, "-fast")
		engine.wait(t, "it asks", func(lines []string) bool { return strings.Contains(strings.Join(lines, "\n"), "waiting for a person") })
		relay.until(id, "the gate is there", func(state object) bool { return len(list(state, "gates")) == 1 })
		relay.decide(id, "approve:1", "d1", optionID, ending.more)
		engine.wait(t, "it acts", func(lines []string) bool { return strings.Contains(strings.Join(lines, "\n"), ending.line) })
		_ = engine.command.Wait()
		if code := engine.command.ProcessState.ExitCode(); code != ending.code {
			t.Errorf("%s: the exit code is %d", optionID, code)
		}
		relay.delivered(id, "approve:1", "applied")
	}
}
