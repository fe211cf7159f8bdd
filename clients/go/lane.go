package footplate

import (
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// keptOutcomes is how many outcomes of decisions and commands are kept for further deliveries of the same.
const keptOutcomes = 256

// entry is an event that is not acknowledged yet. The event is not changed any more.
type entry struct {
	event    *pb.Event
	size     int
	ordinal  uint64
	rejected bool
}

// lane has one execution's events on their way to the relay. It numbers them, keeps them until they are acknowledged, and
// folds them into the state when they are: the state is as of the last acknowledged event. A relay that has lost
// everything gets the state and then the outbox, and so misses nothing but the history that it had acknowledged.
//
// It knows neither goroutines nor gRPC; the engine calls it under its lock.
type lane struct {
	executionID string
	state       state
	entries     []*entry
	bytes       int
	// How many entries, from the oldest, are on their way on this stream.
	sent, sentBytes int

	claimed, granted, needState bool
	// A state report is on its way, and nothing has come back since.
	reporting bool
	retryAt   time.Time

	count uint64
	base  uint64
	// The numbers are final: a restarted engine goes on where the relay is.
	settled bool
}

func newLane(executionID string) *lane {
	return &lane{executionID: executionID, base: 1}
}

// firstUnacked is the number of the oldest entry, or of the next event if there is none.
func (l *lane) firstUnacked() uint64 { return l.base + l.count - uint64(len(l.entries)) }

// pseq is the entry's number; final once the lane was granted.
func (l *lane) pseq(e *entry) uint64 { return l.base + e.ordinal }

// append takes an event in, and numbers it.
func (l *lane) append(event *pb.Event, size int) *entry {
	e := &entry{event: event, size: size, ordinal: l.count}
	l.count++
	l.entries = append(l.entries, e)
	l.bytes += size
	return e
}

// ack drops what the relay has stored.
func (l *lane) ack(pseq uint64) {
	for len(l.entries) > 0 && l.firstUnacked() <= pseq {
		e := l.entries[0]
		l.entries[0] = nil
		l.entries = l.entries[1:]
		l.reporting = false
		l.bytes -= e.size
		if l.sent > 0 {
			l.sent--
			l.sentBytes -= e.size
		}
		if !e.rejected {
			l.state.apply(e.event)
		}
	}
	if len(l.entries) == 0 {
		l.entries = nil
	}
}

// disconnect: the stream is gone, and with it every grant and whatever was on its way.
func (l *lane) disconnect() {
	l.claimed, l.granted, l.needState, l.reporting = false, false, false, false
	l.rewind()
}

// rewind: everything has to be sent again.
func (l *lane) rewind() { l.sent, l.sentBytes = 0, 0 }

// clear gives up what is not acknowledged.
func (l *lane) clear() {
	l.entries, l.bytes = nil, 0
	l.rewind()
}

// grant: the relay says where it is.
func (l *lane) grant(next uint64, needState bool) {
	next = max(next, 1)
	if !l.settled {
		// Nothing of this lane was ever sent by this process: its numbers continue those of an earlier one.
		l.settled = true
		l.base = next
	}
	lost := next < l.firstUnacked()
	l.ack(next - 1)
	l.reporting = false
	if !l.granted {
		l.granted = true
		l.rewind()
	}
	l.needState = needState || lost
}

// nack: there was a gap, so go back.
func (l *lane) nack(expected uint64) {
	lost := expected < l.firstUnacked()
	l.ack(max(expected, 1) - 1)
	l.rewind()
	l.needState = l.needState || lost
}

// stateNeeded: the relay has no state. As an error of a batch that may still be about one from before the report that is
// on its way.
func (l *lane) stateNeeded(asked bool) {
	if asked || !l.reporting {
		l.needState = true
	}
}

// report is the state in parts, after which the whole outbox is sent again.
func (l *lane) report(isOpen func(gateID string) bool, maxBytes int) []*pb.StateReport {
	asOf := l.firstUnacked() - 1
	l.needState, l.reporting = false, true
	l.rewind()
	part := func() *pb.StateReport { return &pb.StateReport{ExecutionId: l.executionID, AsOfPseq: asOf} }
	parts := []*pb.StateReport{part()}
	size := 0
	for _, event := range l.state.events(isOpen) {
		more := proto.Size(event) + 8
		if size > 0 && size+more > maxBytes {
			parts = append(parts, part())
			size = 0
		}
		last := parts[len(parts)-1]
		last.Events = append(last.Events, event)
		size += more
	}
	parts[len(parts)-1].Last = true
	return parts
}

// known says an outcome as a claim names it.
func known(event *pb.Event) *pb.KnownOutcome {
	if decided := event.GetDecisionOutcome(); decided != nil {
		return &pb.KnownOutcome{
			DecisionId: decided.DecisionId, GateId: decided.GateId, Outcome: decided.Outcome, Reason: decided.Reason,
		}
	}
	done := event.GetCommandOutcome()
	return &pb.KnownOutcome{CommandId: done.GetCommandId(), Outcome: done.GetOutcome(), Reason: done.GetReason()}
}
