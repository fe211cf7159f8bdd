// One of the torture's engines, on the Go client. It does what engine.py says, with the same flags.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	footplate "github.com/footplate/footplate/clients/go"
	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

type options struct {
	name, target, dir, history, form, ca string
	seed, lanes, steps, rate, gateEvery  int
	dies                                 float64
}

// answer names a gate with the version that was answered: an answer to an older one leaves the newer one open.
type answer struct {
	gate    string
	version uint32
}

// work is an execution that is under way, and where it goes on.
type work struct {
	id          string
	step        int
	taken, over bool
	// By step: the version of its question, if that was changed; whether it was being taken back; whether it was settled
	// without an answer, which is no event of ours.
	versions          map[int]int
	withdrawn, closed map[int]bool
	sent              []*pb.Event
	acked             uint64
	answered          map[answer]bool
	run               *footplate.Execution
	gate              *footplate.Gate
}

type engine struct {
	options
	tap      *tap
	link     *footplate.Engine
	kept     *lines
	effects  *effects
	stopping atomic.Bool

	mu    sync.Mutex
	count int
	work  []*work
}

func main() {
	var o options
	flag.StringVar(&o.name, "name", "", "")
	flag.StringVar(&o.target, "target", "", "")
	flag.StringVar(&o.dir, "dir", "", "")
	flag.StringVar(&o.history, "history", "", "")
	flag.StringVar(&o.form, "form", "outbox", "")
	flag.StringVar(&o.ca, "tls-ca", "", "")
	flag.IntVar(&o.seed, "seed", 1, "")
	flag.IntVar(&o.lanes, "lanes", 4, "")
	flag.IntVar(&o.steps, "steps", 120, "")
	flag.IntVar(&o.rate, "rate", 100, "")
	flag.IntVar(&o.gateEvery, "gate-every", 60, "")
	flag.Float64Var(&o.dies, "dies-after-effect", 0, "")
	flag.Parse()
	if err := live(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func live(o options) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	e := &engine{options: o}
	e.recall()
	history, err := open(o.history)
	if err != nil {
		return err
	}
	e.tap = listen(o.name, history)
	trust := insecure.NewCredentials()
	if o.ca != "" {
		if trust, err = credentials.NewClientTLSFromFile(o.ca, ""); err != nil {
			return err
		}
	}
	e.link, err = footplate.New(o.target,
		footplate.WithProducerID(o.name),
		footplate.WithCapabilities(footplate.Pause, footplate.Resume, footplate.Cancel),
		footplate.WithBackoff(20*time.Millisecond, 500*time.Millisecond),
		footplate.WithTransportCredentials(gated{trust, e.tap.ready}),
		footplate.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	e.tap.engine = e.link
	useful := func(id string) bool { return slices.ContainsFunc(e.work, func(w *work) bool { return w.id == id }) }
	if e.kept, err = compact(o.dir, "kept", e.link.Epoch(), e.count, useful); err != nil {
		return err
	}
	if o.form == "outbox" {
		if e.tap.outbox, err = compact(o.dir, "outbox", e.link.Epoch(), e.count, useful); err != nil {
			return err
		}
		for _, w := range e.work {
			e.resume(w)
		}
	}
	if e.effects, err = openEffects(filepath.Join(o.dir, "effects")); err != nil {
		return err
	}
	close(e.tap.ready)
	var lanes sync.WaitGroup
	for range o.lanes {
		lanes.Go(func() {
			if err := e.lane(); err != nil {
				e.tap.say("end", "info", line{"reason": err.Error()})
				if !errors.Is(err, footplate.ErrFenced) {
					fmt.Fprintln(os.Stderr, err)
				}
				os.Exit(3)
			}
		})
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		switch strings.TrimSpace(input.Text()) {
		case "stop":
			e.stopping.Store(true)
			lanes.Wait()
			if err := e.link.Flush(context.Background()); err != nil {
				return err
			}
			fmt.Println("quiet")
		case "end":
			return e.link.Close(context.Background())
		}
	}
	return nil
}

// recall is what an earlier process has left.
func (e *engine) recall() {
	all := map[string]*work{}
	var order []string
	recall(newest(e.dir, "kept"), func(it kept) {
		e.count = max(e.count, it.Count)
		if it.Execution == "" {
			return
		}
		w := all[it.Execution]
		if w == nil {
			w = begin(it.Execution)
			all[it.Execution] = w
			order = append(order, it.Execution)
		}
		if it.Step != nil {
			w.step = *it.Step
		}
		if it.Version > 0 {
			w.versions[w.step] = it.Version
		}
		if it.Withdraws {
			w.withdrawn[w.step] = true
		}
		if it.Closed {
			w.closed[w.step] = true
			w.step++
		}
		w.over = w.over || it.Over > 0
		if n, err := strconv.Atoi(it.Execution[strings.LastIndex(it.Execution, "-")+1:]); err == nil {
			e.count = max(e.count, n+1)
		}
	})
	recall(newest(e.dir, "outbox"), func(it kept) {
		w := all[it.Execution]
		if w == nil || w.over {
			return
		}
		w.acked = max(w.acked, it.Acked)
		for at, raw := range it.Events {
			event := &pb.Event{}
			if it.First+uint64(at) == uint64(len(w.sent))+1 && proto.Unmarshal(raw, event) == nil {
				w.sent = append(w.sent, event)
				w.step = max(w.step, stepOf(event)+1)
				if outcome := event.GetDecisionOutcome(); outcome != nil {
					w.answered[answer{outcome.GateId, outcome.GateVersion}] = true
				}
			}
		}
	})
	for _, id := range order {
		if !all[id].over {
			e.work = append(e.work, all[id])
		}
	}
}

// resume takes up an execution as it was when the process died: same numbers, same outbox, and its question open.
func (e *engine) resume(w *work) {
	w.run = e.link.Resume(w.id, w.acked, w.sent)
	e.tap.sent[w.id] = uint64(len(w.sent))
	var last *pb.Event
	for _, event := range w.sent {
		if event.GetGateOpened() != nil {
			last = event
		}
	}
	if last == nil || w.run.Finished() {
		return
	}
	if opened := last.GetGateOpened(); w.answered[answer{opened.GateId, opened.GateVersion}] {
		return
	}
	// Its answer was never sent, and so nothing that came after it.
	step := stepOf(last)
	if w.closed[step] {
		return
	}
	gate, err := e.announce(w, step)
	if err != nil {
		panic(err)
	}
	w.step, w.gate = step, gate
}

// lane does one execution after the other.
func (e *engine) lane() error {
	for {
		w := e.next()
		if w == nil {
			return nil
		}
		if err := e.run(w); err != nil {
			return fmt.Errorf("%s: %w", w.id, err)
		}
	}
}

func (e *engine) next() *work {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.work {
		if !w.taken {
			w.taken = true
			return w
		}
	}
	if e.stopping.Load() {
		return nil
	}
	w := begin(fmt.Sprintf("%s-%d", e.name, e.count))
	e.count++
	e.kept.add(kept{Execution: w.id})
	return w
}

func begin(id string) *work {
	return &work{
		id: id, answered: map[answer]bool{}, versions: map[int]int{}, withdrawn: map[int]bool{}, closed: map[int]bool{},
	}
}

func (e *engine) run(w *work) error {
	ctx := context.Background()
	if w.run == nil {
		run, err := e.link.Start(ctx, w.id, footplate.ExecutionSpec{Name: w.id})
		if err != nil {
			return err
		}
		w.run = run
		if w.step == 0 {
			var graph []*pb.GraphNode
			for _, node := range nodes() {
				graph = append(graph, &pb.GraphNode{NodeId: node})
			}
			if err := run.Graph(ctx, graph, nil); err != nil {
				return err
			}
		}
	}
	how := footplate.Completed
	for ; w.step < e.steps && !e.stopping.Load() && !w.run.Finished(); w.step++ {
		err := w.run.Checkpoint(ctx)
		if err == nil {
			err = e.step(ctx, w, e.dice(w, w.step))
		}
		if errors.Is(err, footplate.ErrCancelled) {
			how = footplate.Cancelled
			break
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(rand.Float64() * 2 * float64(time.Second) * float64(e.lanes) / float64(e.rate)))
	}
	// One that was cancelled while it was dead, or with its last step.
	if errors.Is(w.run.Checkpoint(ctx), footplate.ErrCancelled) {
		how = footplate.Cancelled
	}
	if !w.run.Finished() {
		if err := w.run.Finish(how); err != nil {
			return err
		}
	}
	// Over is what the relay has; until then a restart would have to say it again.
	for w.run.Unacked() > 0 {
		if e.link.Err() != nil {
			return e.link.Err()
		}
		time.Sleep(20 * time.Millisecond)
	}
	e.kept.add(kept{Execution: w.id, Over: 1})
	return nil
}

func (e *engine) mark(w *work, step int) string {
	return fmt.Sprintf("%s/%d/%d/%x", w.id, e.link.Epoch(), step, rand.Uint64())
}

// dice is always the same for one step, whichever process comes to it.
func (e *engine) dice(w *work, step int) *rand.Rand {
	name := fnv.New64a()
	fmt.Fprintf(name, "%d/%s/%d", e.seed, w.id, step)
	return rand.New(rand.NewPCG(uint64(e.seed), name.Sum64()))
}

func (e *engine) step(ctx context.Context, w *work, dice *rand.Rand) error {
	e.kept.add(kept{Execution: w.id, Step: &w.step})
	node, mark := nodes()[dice.IntN(8)], e.mark(w, w.step)
	switch roll := dice.Float64(); {
	case roll < 1/float64(e.gateEvery) || w.gate != nil:
		return e.ask(ctx, w, dice)
	case roll < 0.6:
		level := pb.LogLevel(1 + dice.IntN(4))
		w.run.Log(&pb.LogWritten{Message: mark, Level: level, NodeId: node, Stream: strings.Repeat("x", dice.IntN(100))})
		return nil
	case roll < 0.9:
		status := []footplate.NodeStatus{
			footplate.NodeRunning, footplate.NodeCompleted, pb.NodeStatus_NODE_STATUS_FAILED, pb.NodeStatus_NODE_STATUS_QUEUED,
		}[dice.IntN(4)]
		return w.run.Node(ctx, node, status, footplate.Reason(mark))
	case roll < 0.95:
		w.run.Progress(node, dice.Float64(), mark)
		return nil
	default:
		return w.run.Cost(ctx, footplate.Spending{USD: footplate.Cent, NodeID: node, Model: mark})
	}
}

func (e *engine) announce(w *work, step int) (*footplate.Gate, error) {
	version := max(w.versions[step], 1)
	spec := footplate.GateSpec{
		ID: fmt.Sprintf("g%d", step), NodeID: nodes()[step%8],
		// The same words whoever asks, for the same version: an answer is an answer to them.
		Title: fmt.Sprintf("%s/%d/%d/ask", w.id, version, step),
		Options: []*pb.GateOption{
			{OptionId: "approve", Kind: pb.DecisionKind_DECISION_KIND_APPROVE},
			{OptionId: "reject", Kind: pb.DecisionKind_DECISION_KIND_REJECT},
		},
		More: &pb.GateOpened{GateVersion: uint32(version)},
	}
	if e.dice(w, step).Float64() < 0.05 {
		spec.Deadline = time.Now().Add(2 * time.Second)
	}
	return w.run.Gate(context.Background(), spec)
}

// ask is a question, until it is answered. Now and then it changes, or is taken back.
func (e *engine) ask(ctx context.Context, w *work, dice *rand.Rand) error {
	gate, step, way := w.gate, w.step, dice.Float64()
	w.gate = nil
	if gate == nil {
		asked, err := e.announce(w, step)
		if err != nil {
			return err
		}
		gate = asked
	}
	err := footplate.ErrUndecided
	var decision *footplate.Decision
	if !w.withdrawn[step] {
		decision, err = gate.WaitFor(ctx, 200*time.Millisecond)
	}
	if errors.Is(err, footplate.ErrUndecided) {
		if w.withdrawn[step] || way > 0.95 {
			// Whoever comes back in the midst of this has to ask for the verdict again.
			e.kept.add(kept{Execution: w.id, Step: &step, Withdraws: true})
			if err = gate.Withdraw(ctx, "changed its mind"); errors.Is(err, footplate.ErrDecided) {
				decision, err = gate.Wait(ctx)
			}
		} else {
			if way < 0.1 && w.versions[step] == 0 {
				e.kept.add(kept{Execution: w.id, Step: &step, Version: 2})
				w.versions[step] = 2
				// A decision may be there by now, which stands.
				if _, err := e.announce(w, step); err != nil && !errors.Is(err, footplate.ErrGateUsed) {
					return err
				}
			}
			decision, err = gate.Wait(ctx)
		}
	}
	if err != nil && !errors.Is(err, footplate.ErrGateClosed) && !errors.Is(err, footplate.ErrGateRejected) {
		return err
	}
	if decision != nil {
		return e.effect(w, decision)
	}
	e.kept.add(kept{Execution: w.id, Step: &step, Closed: true})
	return nil
}

// effect is at most one for each question, whatever dies in between.
func (e *engine) effect(w *work, decision *footplate.Decision) error {
	it := decision.Message()
	known, err := e.effects.have(w.id, it.GateId, it.DecisionId, line{
		"t": micros(), "proc": fmt.Sprintf("%s#%d", e.name, e.link.Epoch()), "op": "effect", "phase": "ok", "exec": w.id,
		"gate": it.GateId, "version": it.GateVersion, "option": it.OptionId, "decision": it.DecisionId, "comment": it.Comment,
		"by": it.GetActor().GetSubject(), "reason": it.Kind.String(),
	})
	if err != nil {
		return err
	}
	if rand.Float64() < e.dies && !e.stopping.Load() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	if known != it.DecisionId {
		return decision.Refuse("another decision of this gate took effect before")
	}
	return decision.Applied()
}
