package footplate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// reasonWithdrawn is the outcome of a decision that came after the engine had given up.
const reasonWithdrawn = "withdrawn"

// GateSpec is a question to a person.
type GateSpec struct {
	// ID names the gate: used once within its execution, and the same each time that the same work asks again, for
	// example deploy:2 for the node and its attempt. Required.
	ID string
	// NodeID is the node that waits. Empty: the execution as a whole.
	NodeID string
	// Title says in one line what is asked, Prompt in full.
	Title, Prompt string
	// Payload is what will happen if it is approved, as JSON. The decision is about this.
	Payload any
	// PayloadSchema is the JSON Schema that a modified payload has to fit.
	PayloadSchema any
	// Context is what the person may want to know beside it, as JSON.
	Context any
	// Options are the possible answers. Empty: approve, reject and modify.
	Options []*pb.GateOption
	// Deadline is when the question ends without an answer. The relay keeps it. Zero: never.
	Deadline time.Time
	// OnTimeout is what the deadline does. Unspecified: the gate expires.
	OnTimeout pb.TimeoutAction
	// More has whatever else there is to state of it; the fields above stand over it.
	More *pb.GateOpened
}

// Gate is one question, used once. Execution.Gate announces it.
type Gate struct {
	execution *Execution
	id        string

	// What follows is guarded by the engine's mu.
	opened   *pb.GateOpened
	entry    *entry
	decision *Decision
	err      error
	waiters  int
	// What asks the relay to withdraw it, and whether that was sent on this stream.
	withdrawal *pb.WithdrawGate
	asked      bool
	// Nobody will take the decision that may still come.
	abandoned bool
}

// Gate asks a person; Gate.Wait waits for the answer. It waits as Emit does. Called again for a gate that is open, it
// announces the question again: as a new version of it, if what is asked has changed.
func (x *Execution) Gate(ctx context.Context, spec GateSpec) (*Gate, error) {
	opened, err := spec.opened()
	if err != nil {
		return nil, fmt.Errorf("gate %s: %w: %w", spec.ID, ErrInvalid, err)
	}
	event := &pb.Event{Kind: &pb.Event_GateOpened{GateOpened: opened}}
	// The version is not known yet, and only makes it larger.
	size, err := x.measure(event)
	if err != nil {
		return nil, err
	}
	const version = 6
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := x.room(ctx, size+version); err != nil {
		return nil, err
	}
	gate := x.gates[opened.GateId]
	if x.used[opened.GateId] || (gate != nil && !gate.isOpen()) {
		return nil, fmt.Errorf("gate %s: %w", opened.GateId, ErrGateUsed)
	}
	if gate == nil {
		gate = &Gate{execution: x, id: opened.GateId}
		opened.GateVersion = max(opened.GateVersion, 1)
	} else {
		gate.keep()
		if opened.GateVersion == 0 {
			opened.GateVersion = gate.opened.GateVersion
			if changed(opened, gate.opened) {
				opened.GateVersion++
			}
		}
	}
	gate.opened = opened
	gate.entry = x.takeIn(event, proto.Size(event))
	x.gates[opened.GateId] = gate
	return gate, nil
}

// ID is the gate's name within its execution.
func (g *Gate) ID() string { return g.id }

// Version is the version of the question that was announced last.
func (g *Gate) Version() uint32 {
	g.execution.engine.mu.Lock()
	defer g.execution.engine.mu.Unlock()
	return g.opened.GateVersion
}

// Wait returns the decision, once there is one and the execution is not paused. It is an error if none is to be had:
// ErrCancelled, ErrGateRejected, ErrGateClosed, a LaneError, an ErrStopped.
//
// When the context of the last one who waits ends, the engine gives up: the gate is withdrawn, and a decision that has
// been made meanwhile is refused. WaitFor, Withdraw and the gate's own deadline are there for what is meant otherwise.
func (g *Gate) Wait(ctx context.Context) (*Decision, error) {
	return g.wait(ctx, nil)
}

// WaitFor is as Wait, but returns ErrUndecided when patience ends, with the gate still open.
func (g *Gate) WaitFor(ctx context.Context, patience time.Duration) (*Decision, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	return g.wait(ctx, timer.C)
}

func (g *Gate) wait(ctx context.Context, patience <-chan time.Time) (*Decision, error) {
	x, e := g.execution, g.execution.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	g.waiters++
	defer func() { g.waiters-- }()
	g.abandoned = false
	for over := false; ; over = e.pause(ctx, patience) {
		x.rest()
		if err := x.interrupted(); err != nil {
			return nil, err
		}
		switch {
		case g.err != nil:
			return nil, g.err
		case g.decision != nil && !x.paused:
			return g.decision, nil
		case ctx.Err() != nil:
			if g.waiters == 1 {
				g.abandon()
			}
			return nil, fmt.Errorf("gate %s: given up: %w", g.id, context.Cause(ctx))
		case over:
			return nil, fmt.Errorf("gate %s: %w", g.id, ErrUndecided)
		}
	}
}

// Withdraw gives up waiting, and takes the relay's word for it: nil when the gate is withdrawn, ErrDecided if a decision
// came first, for Wait to return. When the context ends before the relay has answered, it stays asked for; a further call
// goes on waiting.
func (g *Gate) Withdraw(ctx context.Context, reason string) error {
	x, e := g.execution, g.execution.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	g.abandoned = false
	g.giveUp(reason)
	if err := e.wait(ctx, func() bool { return !g.isOpen() }); err != nil {
		return fmt.Errorf("gate %s: no verdict yet: %w", g.id, err)
	}
	if g.decision != nil {
		return fmt.Errorf("gate %s: %w", g.id, ErrDecided)
	}
	if x.refused != nil || !errors.Is(g.err, ErrGateClosed) {
		return g.err
	}
	return nil
}

func (spec GateSpec) opened() (*pb.GateOpened, error) {
	opened := &pb.GateOpened{}
	if spec.More != nil {
		opened = proto.CloneOf(spec.More)
	}
	opened.GateId = spec.ID
	set := func(field *string, text string) {
		if text != "" {
			*field = text
		}
	}
	set(&opened.NodeId, spec.NodeID)
	set(&opened.Title, spec.Title)
	set(&opened.Prompt, spec.Prompt)
	if spec.Options != nil {
		opened.Options = spec.Options
	}
	if !spec.Deadline.IsZero() {
		opened.DeadlineTime = timestamp(spec.Deadline)
	}
	if spec.OnTimeout != pb.TimeoutAction_TIMEOUT_ACTION_UNSPECIFIED {
		opened.OnTimeout = spec.OnTimeout
	}
	err := values(
		value{&opened.Payload, spec.Payload}, value{&opened.PayloadSchema, spec.PayloadSchema}, value{&opened.Context, spec.Context},
	)
	if err == nil && spec.Payload != nil {
		opened.PayloadSha256, err = digest(spec.Payload)
	}
	// Nothing of it may change with what the caller has.
	return proto.CloneOf(opened), err
}

// changed tells whether a question that is announced again shows the person something else.
func changed(opened, before *pb.GateOpened) bool {
	opened, before = proto.CloneOf(opened), proto.CloneOf(before)
	for _, one := range []*pb.GateOpened{opened, before} {
		one.GateVersion, one.DeadlineTime = 0, nil
	}
	return !proto.Equal(opened, before)
}

// What follows is called with the engine's mu held.

// isOpen tells whether an answer is awaited, whether or not anybody waits in Wait.
func (g *Gate) isOpen() bool { return g.decision == nil && g.err == nil }

func (x *Execution) isOpen(gateID string) bool {
	gate := x.gates[gateID]
	return gate != nil && gate.isOpen()
}

// giveUp asks the relay to withdraw the gate.
func (g *Gate) giveUp(reason string) {
	if !g.isOpen() || g.withdrawal != nil {
		return
	}
	g.withdrawal = &pb.WithdrawGate{
		ExecutionId: g.execution.id, GateId: g.id, GateVersion: g.opened.GateVersion, Reason: shortened(reason),
	}
	g.execution.engine.withdrawals = append(g.execution.engine.withdrawals, g)
	g.execution.engine.changed()
}

// keep takes back that the engine gives up.
func (g *Gate) keep() {
	e := g.execution.engine
	e.withdrawals = slices.DeleteFunc(e.withdrawals, func(other *Gate) bool { return other == g })
	g.withdrawal, g.asked, g.abandoned = nil, false, false
}

// abandon: the last one who waited has gone. A decision that is there, or comes before the relay's verdict, is refused.
func (g *Gate) abandon() {
	g.abandoned = true
	g.giveUp("the engine has given up waiting")
	if g.decision != nil {
		g.forsake()
	}
}

// forsake refuses the decision of an abandoned gate, unless somebody has used it.
func (g *Gate) forsake() {
	if d := g.decision; d.stage == fresh {
		d.stage = concluded
		g.execution.decided(d.message, pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, reasonWithdrawn, 0)
		g.err = fmt.Errorf("gate %s: %w", g.id, ErrGateClosed)
	}
}

// close ends the gate without a decision.
func (g *Gate) close(err error) {
	g.err = err
	g.keep()
	g.execution.lane.state.gates.delete(g.id)
	g.execution.useUp(g)
	g.execution.engine.changed()
}

func (x *Execution) useUp(gate *Gate) {
	delete(x.gates, gate.id)
	x.used[gate.id] = true
}

// decided states what became of a decision.
func (x *Execution) decided(message *pb.Decision, outcome pb.OutcomeStatus, reason string, after NodeStatus) {
	if gate := x.gates[message.GateId]; gate != nil && gate.decision != nil && gate.decision.message == message {
		x.useUp(gate)
	}
	said := &pb.DecisionOutcome{
		DecisionId: message.DecisionId, GateId: message.GateId, GateVersion: message.GateVersion,
		Outcome: outcome, Reason: reason, NodeStatusAfter: after,
	}
	x.remember(message.DecisionId, &pb.Event{Kind: &pb.Event_DecisionOutcome{DecisionOutcome: said}})
}

// onDecision takes in a delivery, perhaps not the first one. At most one resolves the gate.
func (x *Execution) onDecision(message *pb.Decision) {
	const refused = pb.OutcomeStatus_OUTCOME_STATUS_REFUSED
	gate := x.gates[message.GateId]
	if outcome, ok := x.outcomes.get(message.DecisionId); ok {
		x.note(outcome)
		return
	}
	switch {
	case gate != nil && gate.decision != nil && gate.decision.message.DecisionId == message.DecisionId:
		// It arrived before and is being acted on.
	case gate == nil || !gate.isOpen():
		x.decided(message, refused, "gate_not_open", 0)
	case message.GateVersion != gate.opened.GateVersion:
		x.decided(message, refused, "gate_changed", 0)
	default:
		abandoned := gate.abandoned
		gate.keep()
		gate.decision = &Decision{gate: gate, message: message}
		if abandoned {
			gate.forsake()
		}
	}
}

func (x *Execution) onVerdict(verdict *pb.GateVerdict) {
	gate := x.gates[verdict.GateId]
	if gate == nil || !gate.isOpen() || gate.withdrawal == nil {
		return
	}
	switch verdict.Verdict {
	case pb.GateVerdictCode_GATE_VERDICT_CODE_WITHDRAWN,
		pb.GateVerdictCode_GATE_VERDICT_CODE_ALREADY_CLOSED,
		pb.GateVerdictCode_GATE_VERDICT_CODE_UNKNOWN:
		gate.close(fmt.Errorf("gate %s: %w", gate.id, ErrGateClosed))
	}
}
