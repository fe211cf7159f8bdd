package footplate

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// Decision is a gate's resolution. It has one effect at most: Apply, or Consume and then Applied, Refuse or Fail, or one of
// these three by itself.
type Decision struct {
	// NodeStatusAfter is the status of the gate's node once the decision is applied. Unspecified: running. To be set before.
	NodeStatusAfter NodeStatus

	gate    *Gate
	message *pb.Decision
	// Guarded by the engine's mu.
	stage stage
}

type stage int

const (
	fresh stage = iota
	consumed
	concluded
)

// Message is everything that the relay has stated about it. It must not be changed.
func (d *Decision) Message() *pb.Decision { return d.message }

// ID is the decision's id.
func (d *Decision) ID() string { return d.message.DecisionId }

// Kind is what was decided.
func (d *Decision) Kind() DecisionKind { return d.message.Kind }

// Approved tells whether to go on. It is false for every kind that this version does not know.
func (d *Decision) Approved() bool {
	return d.message.Kind == Approve || d.message.Kind == Modify
}

// OptionID is the chosen option.
func (d *Decision) OptionID() string { return d.message.OptionId }

// Comment is what the deciding person wrote.
func (d *Decision) Comment() string { return d.message.Comment }

// Actor is who decided; empty if it was no person, or the relay knows no identities.
func (d *Decision) Actor() string {
	if name := d.message.GetActor().GetDisplayName(); name != "" {
		return name
	}
	return d.message.GetActor().GetSubject()
}

// Apply acts on an approval, once. The payload is what is about to be done now; act gets it, or the modified one. Nil from
// act reports the decision as applied, Refuse as refused, and any other error, or a panic, as failed. Apply returns that
// error, and those of Consume without calling act.
func Apply[T any](ctx context.Context, d *Decision, payload T, act func(context.Context, T) error) (err error) {
	decided, err := Consume(d, payload)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			_ = d.Fail("panic")
		}
	}()
	err = act(ctx, decided)
	returned = true
	outcome, reason := verdict(err)
	return also(err, d.conclude(outcome, reason))
}

// Consume takes an approval to act on, once: it returns the payload to go on with, which is the given one or, if the person
// has modified it, theirs. What came of acting has then to be reported by Applied, Refuse or Fail.
//
// A decision that is no approval has taken effect by being obeyed: it is reported as applied, and the error is
// ErrRejected or ErrExpired. If the payload is not the one that was decided about, or the modified one does not fit into
// its type, the decision is reported as refused and the error is ErrPayloadChanged. All three are ErrNotApproved. A
// decision that was used before is ErrUsed.
func Consume[T any](d *Decision, payload T) (T, error) {
	var none T
	gateID := d.message.GateId
	shown, err := d.take()
	if err != nil {
		return none, err
	}
	if !d.Approved() {
		denial := d.denial()
		return none, also(denial, d.conclude(pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, ""))
	}
	refuse := func(reason string, why error) (T, error) {
		err := fmt.Errorf("gate %s: %w: %w", gateID, ErrPayloadChanged, why)
		return none, also(err, d.conclude(pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, reason))
	}
	if len(shown) > 0 {
		current, err := digest(payload)
		if err != nil {
			return refuse("invalid_payload", err)
		}
		if !bytes.Equal(current, shown) {
			return refuse("payload_changed", errors.New("its digest is another"))
		}
	}
	if d.message.Kind != Modify {
		return payload, nil
	}
	var modified T
	if err := decoded(d.message.GetModification().GetText(), &modified); err != nil {
		return refuse("invalid_payload", fmt.Errorf("the modified payload: %w", err))
	}
	return modified, nil
}

// Applied reports that the decision, of whatever kind, took effect.
func (d *Decision) Applied() error { return d.conclude(pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, "") }

// Refuse reports that the decision has no effect and will have none.
func (d *Decision) Refuse(reason string) error {
	return d.conclude(pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, shortened(reason))
}

// Fail reports that acting on the decision was begun and went wrong.
func (d *Decision) Fail(reason string) error {
	return d.conclude(pb.OutcomeStatus_OUTCOME_STATUS_FAILED, shortened(reason))
}

// take is the step of which there is one. It returns the digest of what the deciding person saw.
func (d *Decision) take() ([]byte, error) {
	e := d.gate.execution.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.stage != fresh {
		return nil, fmt.Errorf("gate %s: %w", d.message.GateId, ErrUsed)
	}
	d.stage = consumed
	if len(d.message.PayloadSha256) > 0 {
		return d.message.PayloadSha256, nil
	}
	return d.gate.opened.PayloadSha256, nil
}

func (d *Decision) conclude(outcome pb.OutcomeStatus, reason string) error {
	x := d.gate.execution
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	if d.stage == concluded {
		return fmt.Errorf("gate %s: %w", d.message.GateId, ErrUsed)
	}
	if err := x.check(); err != nil {
		return err
	}
	d.stage = concluded
	after := pb.NodeStatus_NODE_STATUS_UNSPECIFIED
	if outcome == pb.OutcomeStatus_OUTCOME_STATUS_APPLIED {
		after = d.NodeStatusAfter
	}
	x.decided(d.message, outcome, reason, after)
	x.engine.changed()
	return nil
}

func (d *Decision) denial() error {
	kind := d.message.Kind
	if kind == pb.DecisionKind_DECISION_KIND_EXPIRED || kind == pb.DecisionKind_DECISION_KIND_NO_APPROVER {
		return fmt.Errorf("gate %s: %w", d.message.GateId, ErrExpired)
	}
	text := d.OptionID()
	if text == "" {
		text = kind.String()
	}
	if by := d.Actor(); by != "" {
		text += " by " + by
	}
	if comment := d.Comment(); comment != "" {
		text += ": " + comment
	}
	return fmt.Errorf("gate %s: %w: %s", d.message.GateId, ErrRejected, text)
}
