package footplate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

const (
	// Of 100 of the outbox, what logs and progress may fill; the rest is for what may not be lost.
	droppableShare = 75
	whole          = 100
	// How long a lane is left alone whose relay has reached a limit.
	limitDelay = time.Second
	keptIssues = 100
)

// Execution is one run of a graph. Engine.Start and Engine.Run make it.
type Execution struct {
	engine  *Engine
	id      string
	aliases []string
	on      map[Capability]func(context.Context) error

	// What follows is guarded by the engine's mu.
	lane     *lane
	gates    map[string]*Gate
	used     map[string]bool
	outcomes ordered[string, *pb.Event]
	issues   []*pb.Issue
	// Events that were dropped, and are not counted to the relay yet; and the last progress of each node that found no room.
	dropped *pb.EventsDropped
	latest  map[string]*pb.Event

	// Commands that are not concluded, those whose handler is to be called, and whether there is somebody calling.
	pending  map[string]*command
	queue    []*command
	handling bool

	refused                             error
	paused, atRest, cancelled, finished bool
	stop                                context.CancelCauseFunc
}

// ID is the execution's id.
func (x *Execution) ID() string { return x.id }

// Paused tells whether a person has asked for a pause and not for a resume.
func (x *Execution) Paused() bool {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	return x.paused
}

// Finished tells whether Finish was called.
func (x *Execution) Finished() bool {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	return x.finished
}

// Issues are the last things, at most 100, that the relay found wrong with single events.
func (x *Execution) Issues() []*pb.Issue {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	return append([]*pb.Issue(nil), x.issues...)
}

// Emit states any fact: the relay will have it, once, in this order. It waits while the outbox is full, and returns an
// ErrOutboxFull if the context ends before there is room.
func (x *Execution) Emit(ctx context.Context, event *pb.Event) error {
	return x.emit(ctx, proto.CloneOf(event))
}

// Detail says more of a node's change, or of an execution's end.
type Detail func(*details)

type details struct {
	input, output, extra, results any
	err                           error
	reason                        string
	attempt                       uint32
}

// Input is what a node was given, as JSON.
func Input(value any) Detail { return func(d *details) { d.input = value } }

// Output is what a node, or an execution as a whole, produced, as JSON.
func Output(value any) Detail { return func(d *details) { d.output = value } }

// Extra is whatever else is to be shown of a node, as JSON.
func Extra(value any) Detail { return func(d *details) { d.extra = value } }

// Results are what an execution's nodes produced, usually an object by node id, as JSON.
func Results(value any) Detail { return func(d *details) { d.results = value } }

// Failure is what went wrong.
func Failure(err error) Detail { return func(d *details) { d.err = err } }

// Reason says why.
func Reason(text string) Detail { return func(d *details) { d.reason = valid(text) } }

// Attempt says which attempt of a node it is about, from 1.
func Attempt(number uint32) Detail { return func(d *details) { d.attempt = number } }

// Node states that a node changed. It waits as Emit does.
func (x *Execution) Node(ctx context.Context, nodeID string, status NodeStatus, more ...Detail) error {
	var d details
	for _, set := range more {
		set(&d)
	}
	change := &pb.NodeChanged{NodeId: nodeID, Status: status, NodeAttempt: d.attempt, Reason: d.reason}
	if d.err != nil {
		change.Failure = failure(d.err, nodeID)
	}
	if err := values(value{&change.Input, d.input}, value{&change.Output, d.output}, value{&change.Extra, d.extra}); err != nil {
		return fmt.Errorf("node %s: %w: %w", nodeID, ErrInvalid, err)
	}
	return x.emit(ctx, &pb.Event{Kind: &pb.Event_NodeChanged{NodeChanged: change}})
}

// Graph states the whole graph. It waits as Emit does, which states an addition.
func (x *Execution) Graph(ctx context.Context, nodes []*pb.GraphNode, edges []*pb.GraphEdge) error {
	graph := &pb.GraphDeclared{Nodes: nodes, Edges: edges, Replace: true}
	return x.Emit(ctx, &pb.Event{Kind: &pb.Event_GraphDeclared{GraphDeclared: graph}})
}

// Spending is money that was spent, and the tokens that it bought.
type Spending struct {
	USD                       USD
	NodeID, Agent, Model      string
	InputTokens, OutputTokens int64
}

// Cost states that money was spent since the last time. It waits as Emit does, which states totals and budgets.
func (x *Execution) Cost(ctx context.Context, spent Spending) error {
	cost := &pb.CostIncurred{
		IncrementUsdNanos: proto.Int64(int64(spent.USD)), NodeId: spent.NodeID, Agent: spent.Agent, Model: spent.Model,
	}
	if spent.InputTokens != 0 {
		cost.InputTokens = &spent.InputTokens
	}
	if spent.OutputTokens != 0 {
		cost.OutputTokens = &spent.OutputTokens
	}
	return x.emit(ctx, &pb.Event{Kind: &pb.Event_CostIncurred{CostIncurred: cost}})
}

// Log states a line of a log, and never waits: while the outbox is nearly full lines are dropped, and counted. See also
// Logger.
func (x *Execution) Log(line *pb.LogWritten) {
	x.log(time.Now(), proto.CloneOf(line))
}

// Logger makes a logger whose lines are about a node, or about the execution if nodeID is empty. See Log.
func (x *Execution) Logger(nodeID string) *slog.Logger {
	return slog.New(&handler{execution: x, nodeID: nodeID})
}

// Progress states how far a node is, between 0 and 1; with an empty nodeID the execution. It never waits: while the outbox
// is nearly full only the latest is kept.
func (x *Execution) Progress(nodeID string, fraction float64, message string) {
	event := &pb.Event{EventTime: timestamp(time.Now())}
	if nodeID == "" {
		progressed := &pb.ExecutionProgressed{Fraction: &fraction, Message: valid(message)}
		event.Kind = &pb.Event_ExecutionProgressed{ExecutionProgressed: progressed}
	} else {
		progressed := &pb.NodeProgressed{NodeId: valid(nodeID), Fraction: &fraction, Message: valid(message)}
		event.Kind = &pb.Event_NodeProgressed{NodeProgressed: progressed}
	}
	size := proto.Size(event)
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case x.check() != nil || e.closing:
	case !e.fits(size, droppableShare):
		x.latest[nodeID] = event
	default:
		delete(x.latest, nodeID)
		x.makeUp()
		x.takeIn(event, size)
	}
}

// Finish states that the execution ended: Completed, Failed, Cancelled or TimedOut. Commands that it has not concluded are
// concluded with it. It does not wait.
func (x *Execution) Finish(status ExecutionStatus, more ...Detail) error {
	var d details
	for _, set := range more {
		set(&d)
	}
	ended := &pb.ExecutionFinished{Status: status, Reason: d.reason}
	if d.err != nil {
		ended.Failure = failure(d.err, "")
	}
	if err := values(value{&ended.Output, d.output}, value{&ended.Results, d.results}); err != nil {
		return fmt.Errorf("execution %s: %w: %w", x.id, ErrInvalid, err)
	}
	event := &pb.Event{Kind: &pb.Event_ExecutionFinished{ExecutionFinished: ended}}
	size, err := x.measure(event)
	if err != nil {
		return err
	}
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := x.ready(size); err != nil {
		return err
	}
	for _, id := range sortedKeys(x.pending) {
		cancelled := x.pending[id].message.Kind == Cancel
		if cancelled && status == Cancelled {
			x.conclude(x.pending[id], pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, "")
		} else {
			x.conclude(x.pending[id], pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, "finished")
		}
	}
	x.makeUp()
	x.takeIn(event, size)
	x.finished = true
	clear(x.latest)
	for _, gate := range x.gates {
		if gate.isOpen() {
			gate.close(fmt.Errorf("gate %s: %w: the execution has finished", gate.id, ErrGateClosed))
		}
	}
	return nil
}

type value struct {
	into **pb.Json
	from any
}

func values(all ...value) error {
	for _, one := range all {
		json, err := JSON(one.from)
		if err != nil {
			return err
		}
		if json != nil {
			*one.into = json
		}
	}
	return nil
}

func (spec ExecutionSpec) started() (*pb.Event, []string, error) {
	started := &pb.ExecutionStarted{}
	if spec.More != nil {
		started = proto.CloneOf(spec.More)
	}
	if spec.Name != "" {
		started.Name = spec.Name
	}
	if spec.Budget != 0 {
		started.BudgetUsdNanos = proto.Int64(int64(spec.Budget))
	}
	started.Labels = append(started.Labels, labels(spec.Labels)...)
	if err := values(value{&started.Input, spec.Input}); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return &pb.Event{Kind: &pb.Event_ExecutionStarted{ExecutionStarted: started}}, started.Aliases, nil
}

// What follows is called with the engine's mu held.

func (x *Execution) claim() *pb.Claim {
	claim := &pb.Claim{ExecutionId: x.id, FirstUnackedPseq: x.lane.firstUnacked(), Aliases: x.aliases}
	for _, id := range sortedKeys(x.gates) {
		if gate := x.gates[id]; gate.isOpen() {
			claim.OpenGates = append(claim.OpenGates, &pb.OpenGate{GateId: id, GateVersion: gate.opened.GateVersion})
		}
	}
	for event := range x.outcomes.all() {
		claim.Outcomes = append(claim.Outcomes, known(event))
	}
	return claim
}

// remember states an outcome, and keeps it for further deliveries of the same.
func (x *Execution) remember(id string, event *pb.Event) {
	x.outcomes.set(id, event)
	x.outcomes.trim(keptOutcomes)
	x.note(event)
}

func (x *Execution) onResult(result *pb.LaneResult) {
	for _, issue := range result.Issues {
		x.onIssue(issue)
	}
	x.settle(func() {
		if result.Ack != nil {
			x.lane.ack(result.Ack.Pseq)
		}
		if result.Nack != nil {
			x.lane.nack(result.Nack.ExpectedPseq)
		}
	})
	if result.Error != nil {
		x.onError(result.Error)
	}
}

func (x *Execution) onIssue(issue *pb.Issue) {
	x.issues = append(x.issues, issue)
	x.issues = x.issues[max(len(x.issues)-keptIssues, 0):]
	log, id := x.engine.options.log, x.id
	x.engine.say(func() {
		log.Warn("footplate: the relay finds fault with an event", "execution", id, "event", issue.Pseq, "code", issue.Code,
			"field", issue.FieldPath, "message", issue.Message)
	})
	if issue.Code == pb.IssueCode_ISSUE_CODE_UNSUPPORTED {
		return
	}
	contradicts := issue.Code == pb.IssueCode_ISSUE_CODE_CONTRADICTION
	if at := issue.Pseq - x.lane.firstUnacked(); !contradicts && at < uint64(len(x.lane.entries)) {
		x.lane.entries[at].rejected = true
	}
	// A question that contradicts what was said before is not asked: nobody will answer it.
	for _, gate := range x.gates {
		if gate.isOpen() && x.lane.pseq(gate.entry) == issue.Pseq {
			gate.close(fmt.Errorf("gate %s: %w: %s %s %s", gate.id, ErrGateRejected, issue.Code, issue.FieldPath, issue.Message))
		}
	}
}

func (x *Execution) onError(refusal *pb.LaneError) {
	log := x.engine.options.log
	switch refusal.Code {
	case pb.LaneErrorCode_LANE_ERROR_CODE_STATE_NEEDED:
		x.lane.stateNeeded(false)
	case pb.LaneErrorCode_LANE_ERROR_CODE_LIMIT:
		x.engine.say(func() {
			log.Warn("footplate: a limit of the relay is reached; trying again", "execution", x.id, "message", refusal.Message)
		})
		x.lane.rewind()
		x.lane.claimed = x.lane.granted
		x.lane.retryAt = time.Now().Add(limitDelay)
	default:
		x.refused = &LaneError{x.id, refusal.Code, refusal.Message}
		lost := len(x.lane.entries)
		x.engine.say(func() { log.Error("footplate: an execution is refused", "error", x.refused, "lost_events", lost) })
		x.engine.events -= lost
		x.engine.bytes -= x.lane.bytes
		x.lane.clear()
		for _, gate := range x.gates {
			if gate.isOpen() {
				gate.close(x.refused)
			}
		}
	}
}
