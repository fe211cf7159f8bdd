package footplate

import (
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

const (
	batchEvents   = 256
	batchBytes    = 256 << 10
	batchDelay    = 10 * time.Millisecond
	claimBytes    = 512 << 10
	batchReceipts = 256
)

// What is to be sent is found here, with the engine's mu held.

// urgent tells whether the next message should go out without waiting for more.
func (e *Engine) urgent() bool { return len(e.receipts) > 0 || e.fresh >= batchEvents || e.closing }

// toSend is what is to be sent now, the urgent first. Where there is more than that, the engine stays dirty.
func (e *Engine) toSend() []*pb.AttachRequest {
	var all []*pb.AttachRequest
	if n := min(len(e.receipts), batchReceipts); n > 0 {
		receipts := &pb.DeliveryReceipts{Receipts: e.receipts[:n:n]}
		e.receipts = e.receipts[n:]
		e.dirty = e.dirty || len(e.receipts) > 0
		all = append(all, &pb.AttachRequest{Message: &pb.AttachRequest_Receipts{Receipts: receipts}})
	}
	if claims := e.unclaimed(); len(claims) > 0 {
		all = append(all, &pb.AttachRequest{Message: &pb.AttachRequest_Claims{Claims: &pb.Claims{Claims: claims}}})
	}
	for _, x := range e.order {
		if x.lane.granted && x.lane.needState {
			for _, part := range x.lane.report(x.isOpen, batchBytes) {
				all = append(all, &pb.AttachRequest{Message: &pb.AttachRequest_StateReport{StateReport: part}})
			}
		}
	}
	for _, gate := range e.withdrawals {
		lane := gate.execution.lane
		// The relay must have the question before it is withdrawn.
		if !gate.asked && lane.granted && !lane.needState && lane.pseq(gate.entry) < lane.firstUnacked() {
			gate.asked = true
			all = append(all, &pb.AttachRequest{Message: &pb.AttachRequest_WithdrawGate{WithdrawGate: gate.withdrawal}})
		}
	}
	if events := e.batch(); events != nil {
		all = append(all, &pb.AttachRequest{Message: &pb.AttachRequest_Events{Events: events}})
		// There may be more than fits into one message.
		e.dirty = true
	}
	return all
}

// unclaimed are the claims that the relay has not got on this stream, as many as go into one message.
func (e *Engine) unclaimed() []*pb.Claim {
	var claims []*pb.Claim
	size, now := 0, time.Now()
	for _, x := range e.order {
		if x.lane.claimed || x.refused != nil || x.lane.retryAt.After(now) {
			continue
		}
		claim := x.claim()
		if size += proto.Size(claim); len(claims) > 0 && size > claimBytes {
			e.dirty = true
			break
		}
		x.lane.claimed = true
		claims = append(claims, claim)
	}
	return claims
}

// retryIn is how long until a lane that was put off is tried again; negative if there is none. One whose time has come
// makes the engine dirty.
func (e *Engine) retryIn() time.Duration {
	in := time.Duration(-1)
	for _, x := range e.order {
		if x.lane.retryAt.IsZero() {
			continue
		}
		left := time.Until(x.lane.retryAt)
		if left <= 0 {
			x.lane.retryAt = time.Time{}
			e.dirty = true
		} else if in < 0 || left < in {
			in = left
		}
	}
	return in
}

// batch is as many unsent events as go into one message and into the window, of all lanes in turn.
func (e *Engine) batch() *pb.Events {
	e.fresh = 0
	sent, sentBytes := 0, 0
	for _, x := range e.order {
		sent += x.lane.sent
		sentBytes += x.lane.sentBytes
	}
	room := min(int(e.limits.MaxBatchEvents), int(e.window.MaxUnackedEvents)-sent)
	roomBytes := int(e.window.MaxUnackedBytes) - sentBytes
	events, size, count := &pb.Events{}, 0, len(e.order)
	for i, first := 0, e.turn; i < count && room > 0; i++ {
		at := (first + i) % count
		lane := e.order[at].lane
		if !lane.granted || lane.needState || !lane.retryAt.IsZero() || lane.sent >= len(lane.entries) {
			continue
		}
		batch := &pb.EventBatch{ExecutionId: lane.executionID, FirstPseq: lane.firstUnacked() + uint64(lane.sent)}
		for room > 0 && lane.sent < len(lane.entries) {
			next := lane.entries[lane.sent]
			tooMuch := size+next.size > batchBytes || size+next.size > roomBytes
			// A single event goes out whatever its size, when nothing else is on its way.
			if tooMuch && (size > 0 || sent > 0) {
				room = 0
				break
			}
			batch.Events = append(batch.Events, next.event)
			lane.sent++
			lane.sentBytes += next.size
			size += next.size
			room--
		}
		if len(batch.Events) > 0 {
			events.Batches = append(events.Batches, batch)
			// The next batch begins with another lane.
			e.turn = (at + 1) % count
		}
	}
	if len(events.Batches) == 0 {
		return nil
	}
	return events
}
