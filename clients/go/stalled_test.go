package footplate_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// A relay that reads nothing for a while does not lose an engine that goes on sending as fast as grpc-go can, in messages
// as small as they come: HTTP/2 servers take many small frames that wait to be read for an attack, unless their windows
// are chosen well. Here they are the relay's own; with FOOTPLATE_STALLED_ARGS=--default-windows they are those of its
// HTTP library, and this test fails.
func TestStalledRelay(t *testing.T) {
	const events = 20_000
	var args []string
	if more := os.Getenv("FOOTPLATE_STALLED_ARGS"); more != "" {
		args = strings.Fields(more)
	}
	relay := start(t, program(t, "FOOTPLATE_STALLED", "examples/stalled"), args...)
	target := ""
	relay.wait(t, "the door does not open", func(lines []string) bool {
		for _, line := range lines {
			if at, found := strings.CutPrefix(line, "engines "); found {
				target = at
			}
		}
		return target != ""
	})
	// Not our engine, which makes large messages: this is about the windows that grpc-go has by itself.
	conn := must(grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	defer conn.Close()
	ctx := within(t)
	stream := must(pb.NewEngineServiceClient(conn).Attach(ctx))(t)
	hello := &pb.Hello{Producer: &pb.Producer{ProducerId: "fast", ProducerEpoch: 1}, Claims: []*pb.Claim{{ExecutionId: "run-1"}}}
	ok(t, stream.Send(&pb.AttachRequest{Message: &pb.AttachRequest_Hello{Hello: hello}}))
	if first := must(stream.Recv())(t); first.GetWelcome() == nil {
		t.Fatalf("no welcome but %v", first)
	}
	said := func(line string) func([]string) bool {
		return func(lines []string) bool { return lines[len(lines)-1] == line }
	}
	must(io.WriteString(relay.input, "1500\n"))(t)
	relay.wait(t, "it does not stall", said("held"))

	sent := make(chan error, 1)
	go func() {
		for pseq := range uint64(events) {
			line := &pb.Event{Kind: &pb.Event_LogWritten{LogWritten: &pb.LogWritten{Message: "x"}}}
			batch := &pb.EventBatch{ExecutionId: "run-1", FirstPseq: pseq + 1, Events: []*pb.Event{line}}
			message := &pb.Events{Batches: []*pb.EventBatch{batch}}
			if err := stream.Send(&pb.AttachRequest{Message: &pb.AttachRequest_Events{Events: message}}); err != nil {
				sent <- err
				return
			}
		}
		sent <- stream.CloseSend()
	}()
	// This one stream has to carry it all: whatever ends it before is an error.
	acked := uint64(0)
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the stream broke after %d acknowledged events: %v", acked, err)
		}
		for _, result := range response.GetResults().GetResults() {
			if result.Ack != nil {
				acked = max(acked, result.Ack.Pseq)
			}
			if result.Nack != nil || result.Error != nil || result.Issues != nil {
				t.Fatalf("the relay says %v", result)
			}
		}
		if goodbye := response.GetGoodbye(); goodbye != nil {
			t.Fatalf("the relay says %v", goodbye)
		}
	}
	ok(t, <-sent)
	if acked != events {
		t.Errorf("%d events are acknowledged", acked)
	}
	relay.wait(t, "it goes on", said("released"))
}
