//go:build torture

// Package footplate: this file is laid over the client by scripts/torture.sh (go build -overlay), so that an engine can go on
// with an outbox that it has kept. The client that ships has no such thing yet, and nothing of this.
package footplate

import (
	"context"

	"google.golang.org/protobuf/proto"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// Resume takes up an execution as an earlier process has left it: its events by their numbers, from 1, of which the relay has
// acknowledged so many.
func (e *Engine) Resume(id string, acked uint64, sent []*pb.Event) *Execution {
	x := &Execution{
		engine: e, id: id, lane: newLane(id), on: map[Capability]func(context.Context) error{},
		gates: map[string]*Gate{}, used: map[string]bool{}, pending: map[string]*command{}, latest: map[string]*pb.Event{},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	x.lane.settled, x.lane.count = true, min(acked, uint64(len(sent)))
	for at, event := range sent {
		if uint64(at) < acked {
			x.lane.state.apply(event)
		} else {
			x.takeIn(event, proto.Size(event))
		}
		if outcome := event.GetDecisionOutcome(); outcome != nil {
			if _, known := x.outcomes.get(outcome.DecisionId); !known {
				x.outcomes.set(outcome.DecisionId, event)
			}
		}
		outcome := event.GetCommandOutcome()
		if outcome != nil && outcome.Outcome != pb.OutcomeStatus_OUTCOME_STATUS_IN_PROGRESS {
			if _, known := x.outcomes.get(outcome.CommandId); !known {
				x.outcomes.set(outcome.CommandId, event)
			}
		}
		x.finished = x.finished || event.GetExecutionFinished() != nil
	}
	e.executions[id] = x
	e.order = append(e.order, x)
	return x
}

// Unacked is how many of its events the relay has not acknowledged.
func (x *Execution) Unacked() int {
	x.engine.mu.Lock()
	defer x.engine.mu.Unlock()
	return len(x.lane.entries)
}

// Settled tells whether the execution's numbers are known, which they are from its first grant on.
func (e *Engine) Settled(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.executions[id]
	return x != nil && x.lane.settled
}

// Epoch is this process's.
func (e *Engine) Epoch() uint64 { return e.producer.ProducerEpoch }
