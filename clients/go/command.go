package footplate

import (
	"context"
	"fmt"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// command is something that a person wants done, and that is not concluded.
type command struct {
	message *pb.Command
	// Ends the context of its handler.
	cancel context.CancelFunc
}

// Checkpoint is to be called between pieces of work: it waits while the execution is paused, and returns ErrCancelled when
// it was cancelled.
func (x *Execution) Checkpoint(ctx context.Context) error {
	e := x.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		x.rest()
		if err := x.interrupted(); err != nil {
			return err
		}
		if !x.paused {
			return ctx.Err()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.pause(ctx, nil)
	}
}

// onCancelled ends a context when a person cancels the execution.
func (x *Execution) onCancelled(stop context.CancelCauseFunc) {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	x.stop = stop
	if x.cancelled {
		stop(x.interrupted())
	}
}

// What follows is called with the engine's mu held.

// interrupted says why work has to end.
func (x *Execution) interrupted() error {
	if err := x.check(); err != nil {
		return err
	}
	if x.cancelled {
		return fmt.Errorf("execution %s: %w", x.id, ErrCancelled)
	}
	return nil
}

// rest: the engine has come to rest, in a checkpoint or at a gate, which is what a pause waits for.
func (x *Execution) rest() {
	for _, id := range sortedKeys(x.pending) {
		if x.pending[id].message.Kind == Pause && x.on[Pause] == nil {
			x.conclude(x.pending[id], pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, "")
		}
	}
}

// onCommand takes in a delivery, perhaps not the first one.
func (x *Execution) onCommand(message *pb.Command) {
	id, kind := message.CommandId, message.Kind
	if outcome, ok := x.outcomes.get(id); ok {
		x.note(outcome)
		return
	}
	if x.pending[id] != nil {
		return
	}
	c := &command{message: message}
	x.pending[id] = c
	refusal := ""
	switch {
	case x.finished:
		refusal = "finished"
	case !x.engine.options.capabilities[kind]:
		refusal = "unsupported"
	case x.cancelled && kind != Cancel:
		refusal = "cancelled"
	}
	if refusal != "" {
		x.conclude(c, pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, refusal)
		return
	}
	x.note(commandOutcome(id, pb.OutcomeStatus_OUTCOME_STATUS_IN_PROGRESS, ""))
	switch kind {
	case Cancel:
		x.cancelled, x.paused, x.atRest = true, false, false
		x.status(pb.ExecutionStatus_EXECUTION_STATUS_CANCELLING)
		if x.stop != nil {
			x.stop(x.interrupted())
		}
	case Pause:
		x.paused = true
		if x.atRest {
			x.conclude(c, pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, "")
			return
		}
		x.status(pb.ExecutionStatus_EXECUTION_STATUS_PAUSING)
	case Resume:
		x.paused, x.atRest = false, false
		if x.on[Resume] == nil {
			x.conclude(c, pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, "")
		}
	}
	if kind != Pause {
		// A newer wish takes the place of one that has not come about.
		for _, other := range sortedKeys(x.pending) {
			if old := x.pending[other]; old != c && old.message.Kind != Cancel {
				x.conclude(old, pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, "superseded")
			}
		}
	}
	if x.on[kind] == nil {
		return
	}
	x.queue = append(x.queue, c)
	if !x.handling {
		x.handling = true
		x.engine.handlers.Add(1)
		go x.handle()
	}
}

// handle calls the handlers of the commands that have come, one at a time. It is not called with mu held.
func (x *Execution) handle() {
	e := x.engine
	defer e.handlers.Done()
	e.mu.Lock()
	for ; len(x.queue) > 0; x.queue = x.queue[1:] {
		c := x.queue[0]
		if x.pending[c.message.CommandId] != c {
			continue
		}
		ctx, cancel := context.WithCancel(e.ctx)
		c.cancel = cancel
		on := x.on[c.message.Kind]
		e.mu.Unlock()
		outcome, reason := verdict(on(ctx))
		cancel()
		e.mu.Lock()
		x.conclude(c, outcome, reason)
	}
	x.handling = false
	e.mu.Unlock()
}

// conclude states what became of a command, unless that is known already.
func (x *Execution) conclude(c *command, outcome pb.OutcomeStatus, reason string) {
	id := c.message.CommandId
	if x.pending[id] != c {
		return
	}
	delete(x.pending, id)
	if c.cancel != nil {
		c.cancel()
	}
	if outcome == pb.OutcomeStatus_OUTCOME_STATUS_APPLIED {
		switch {
		case c.message.Kind == Pause && x.paused && !x.atRest:
			x.atRest = true
			x.status(pb.ExecutionStatus_EXECUTION_STATUS_PAUSED)
		case c.message.Kind == Resume:
			x.status(pb.ExecutionStatus_EXECUTION_STATUS_RUNNING)
		}
	}
	x.remember(id, commandOutcome(id, outcome, reason))
	x.engine.changed()
}

func commandOutcome(id string, outcome pb.OutcomeStatus, reason string) *pb.Event {
	said := &pb.CommandOutcome{CommandId: id, Outcome: outcome, Reason: reason}
	return &pb.Event{Kind: &pb.Event_CommandOutcome{CommandOutcome: said}}
}

func (x *Execution) status(status ExecutionStatus) {
	changed := &pb.ExecutionStatusChanged{Status: status}
	x.note(&pb.Event{Kind: &pb.Event_ExecutionStatusChanged{ExecutionStatusChanged: changed}})
}
