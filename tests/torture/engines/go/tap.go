package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that is listened to
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	footplate "github.com/footplate/footplate/clients/go"
	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// tap listens to the client's stream where its messages become bytes and bytes messages. What is to be sent is written down
// first, in the history and in the outbox that is kept.
type tap struct {
	encoding.CodecV2
	name    string
	history *lines
	outbox  *lines
	engine  *footplate.Engine
	// Open once everything is as the last process has left it.
	ready chan struct{}

	mu   sync.Mutex
	sent map[string]uint64
}

func listen(name string, history *lines) *tap {
	t := &tap{
		CodecV2: encoding.GetCodecV2("proto"), name: name, history: history, ready: make(chan struct{}), sent: map[string]uint64{},
	}
	encoding.RegisterCodecV2(t)
	return t
}

func (t *tap) say(op, phase string, more line) {
	it := line{"t": micros(), "proc": fmt.Sprintf("%s#%d", t.name, t.engine.Epoch()), "op": op, "phase": phase}
	for key, value := range more {
		it[key] = value
	}
	t.history.add(it)
}

// Marshal is called for each message before it is sent.
func (t *tap) Marshal(v any) (mem.BufferSlice, error) {
	if request, ok := v.(*pb.AttachRequest); ok {
		for _, batch := range request.GetEvents().GetBatches() {
			t.sending(batch)
		}
	}
	return t.CodecV2.Marshal(v)
}

func (t *tap) sending(batch *pb.EventBatch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := max(t.sent[batch.ExecutionId]+1, batch.FirstPseq)
	if first-batch.FirstPseq >= uint64(len(batch.Events)) {
		return
	}
	fresh := batch.Events[first-batch.FirstPseq:]
	var hashes []string
	it := kept{Execution: batch.ExecutionId, First: first}
	for _, event := range fresh {
		hashes = append(hashes, digest(content(event)))
		raw, err := proto.Marshal(event)
		if err != nil {
			panic(err)
		}
		it.Events = append(it.Events, raw)
	}
	t.say("publish", "invoke", line{"exec": batch.ExecutionId, "pseq": first, "hashes": hashes})
	if t.outbox != nil {
		t.outbox.add(it)
	}
	t.sent[batch.ExecutionId] = first + uint64(len(fresh)) - 1
}

// Unmarshal is called for each message that has come, before the client sees it.
func (t *tap) Unmarshal(data mem.BufferSlice, v any) error {
	if err := t.CodecV2.Unmarshal(data, v); err != nil {
		return err
	}
	if response, ok := v.(*pb.AttachResponse); ok {
		t.heard(response)
	}
	return nil
}

func (t *tap) heard(response *pb.AttachResponse) {
	level := func(it pb.Durability) string { return word(it, "DURABILITY") }
	switch message := response.Message.(type) {
	case *pb.AttachResponse_Welcome:
		t.say("attach", "ok", line{"boot": message.Welcome.BootId, "level": level(message.Welcome.Durability)})
		t.granted(message.Welcome.Grants)
	case *pb.AttachResponse_Grants:
		t.granted(message.Grants.Grants)
	case *pb.AttachResponse_Results:
		for _, result := range message.Results.Results {
			if ack := result.Ack; ack != nil {
				t.say("publish", "ok", line{
					"exec": result.ExecutionId, "pseq": ack.Pseq, "level": level(ack.Durability), "epoch": ack.Epoch, "seq": ack.Seq,
				})
				if t.outbox != nil {
					t.outbox.add(kept{Execution: result.ExecutionId, Acked: ack.Pseq})
				}
			}
			for _, issue := range result.Issues {
				t.say("issue", "info", line{"exec": result.ExecutionId, "pseq": issue.Pseq, "reason": issue.Code.String()})
			}
		}
	case *pb.AttachResponse_Decision:
		it := message.Decision
		t.say("deliver", "info", line{
			"exec": it.ExecutionId, "gate": it.GateId, "version": it.GateVersion, "option": it.OptionId, "decision": it.DecisionId,
			"comment": it.Comment, "by": it.GetActor().GetSubject(), "attempt": it.DeliveryAttempt,
		})
	case *pb.AttachResponse_Command:
		t.say("command", "info", line{"exec": message.Command.ExecutionId, "command": message.Command.CommandId})
	case *pb.AttachResponse_Goodbye:
		t.say("end", "info", line{"reason": message.Goodbye.Reason.String()})
	}
}

func (t *tap) granted(grants []*pb.Grant) {
	for _, grant := range grants {
		t.say("grant", "ok", line{
			"exec": grant.ExecutionId, "epoch": grant.Epoch, "pseq": grant.NextPseq, "fault": grant.GetError().GetMessage(),
			"lost": grant.NeedState,
		})
		if t.outbox == nil && grant.Error == nil && !t.engine.Settled(grant.ExecutionId) {
			t.mu.Lock()
			t.sent[grant.ExecutionId] = max(grant.NextPseq, 1) - 1
			t.mu.Unlock()
		}
	}
}

// gated makes a connection only once the tap is ready.
type gated struct {
	credentials.TransportCredentials
	ready <-chan struct{}
}

func (g gated) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	select {
	case <-g.ready:
		return g.TransportCredentials.ClientHandshake(ctx, authority, raw)
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (g gated) Clone() credentials.TransportCredentials {
	return gated{g.TransportCredentials.Clone(), g.ready}
}

func nodes() []string {
	return strings.Fields("n0 n1 n2 n3 n4 n5 n6 n7")
}
