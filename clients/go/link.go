package footplate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

const (
	version = "0.1.0"
	// A relay that does not answer a hello in this time is given up, and dialled again.
	welcomeTimeout = 15 * time.Second
	pingEvery      = 20 * time.Second
)

// stops are the farewells after which there is no coming back.
var stops = map[pb.GoodbyeReason]error{
	pb.GoodbyeReason_GOODBYE_REASON_FENCED:    ErrFenced,
	pb.GoodbyeReason_GOODBYE_REASON_REPLACED:  ErrReplaced,
	pb.GoodbyeReason_GOODBYE_REASON_PROTOCOL:  ErrRefused,
	pb.GoodbyeReason_GOODBYE_REASON_FORBIDDEN: ErrRefused,
}

// link is one stream, from its beginning to its end.
type link struct {
	engine *Engine
	stream grpc.BidiStreamingClient[pb.AttachRequest, pb.AttachResponse]
	ctx    context.Context
	end    context.CancelFunc

	// What follows is guarded by the engine's mu.
	goodbye *pb.Goodbye
	// Whether the relay took an event. It works then; a mere welcome does not say so.
	acked bool
}

// connection is one that has not been dialled yet, and is not dialled again: each attempt is the engine's own, after its
// own delay.
func (e *Engine) connection() (*grpc.ClientConn, error) {
	return grpc.NewClient(e.target,
		grpc.WithTransportCredentials(e.options.credentials),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingEvery, PermitWithoutStream: true}),
		grpc.WithUserAgent("footplate-go/"+version),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithIdleTimeout(0),
	)
}

// run keeps the link, until the engine stops.
func (e *Engine) run() {
	defer close(e.done)
	defer e.cancel()
	for failures := 0; ; {
		link := &link{engine: e}
		err := link.serve()

		e.mu.Lock()
		if link.acked {
			failures = 0
		}
		e.judge(link, err, failures > 0)
		if e.over() {
			e.unlock()
			return
		}
		failures = min(failures+1, 30)
		delay := e.delay(link, failures)
		timer := time.NewTimer(delay)
		for due := false; !due && !e.over(); {
			due = e.pause(e.ctx, timer.C)
		}
		timer.Stop()
		ended := e.over()
		e.unlock()
		if ended {
			return
		}
	}
}

// over tells whether there is to be no further link, and sees to it that the engine has stopped then.
func (e *Engine) over() bool {
	if e.err == nil && (e.ctx.Err() != nil || (e.closing && e.idle())) {
		e.stop(ErrClosed)
	}
	return e.err != nil
}

// judge says what the end of a link means.
func (e *Engine) judge(link *link, err error, again bool) {
	goodbye, log := link.goodbye, e.options.log
	if goodbye != nil {
		stop := stops[goodbye.Reason]
		if goodbye.Reason == pb.GoodbyeReason_GOODBYE_REASON_UNAUTHENTICATED && (e.options.token == nil || e.options.staticToken) {
			stop = ErrRefused
		}
		if stop != nil {
			if e.err == nil {
				stop = fmt.Errorf("%w: %s (%s)", stop, goodbye.Message, goodbye.Reason)
				e.say(func() { log.Error("footplate: stopped", "error", stop) })
			}
			e.stop(stop)
			return
		}
		e.say(func() {
			log.Info("footplate: the relay ends the link", "reason", goodbye.Reason, "message", goodbye.Message)
		})
		return
	}
	if err == nil || e.closing || e.ctx.Err() != nil {
		return
	}
	level := slog.LevelWarn
	if again {
		level = slog.LevelDebug
	}
	target := e.target
	e.say(func() {
		log.Log(context.Background(), level, "footplate: no link; trying again", "target", target, "error", err)
	})
}

// delay before the next attempt.
func (e *Engine) delay(link *link, failures int) time.Duration {
	first, most := e.options.first, e.options.most
	if link.goodbye.GetRetryDelay() != nil {
		return link.goodbye.RetryDelay.AsDuration() + rand.N(first)
	}
	longest := most
	if failures < 30 && first<<failures > 0 {
		longest = min(most, first<<failures)
	}
	return rand.N(longest)
}

// serve dials, greets, and takes in what the relay says until that ends.
func (l *link) serve() error {
	e := l.engine
	l.ctx, l.end = context.WithCancel(e.ctx)
	defer l.end()
	ctx := l.ctx
	if e.options.token != nil {
		token, err := e.options.token(ctx)
		if err != nil {
			return fmt.Errorf("no token: %w", err)
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	conn, err := e.connection()
	if err != nil {
		return err
	}
	defer conn.Close()
	if l.stream, err = pb.NewEngineServiceClient(conn).Attach(ctx); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		err := l.speak()
		if err != nil {
			// Nobody is told anything any more, so there is no point in listening.
			l.end()
		}
		sent <- err
	}()
	heard := l.listen()
	l.end()
	spoke := <-sent

	e.mu.Lock()
	defer e.unlock()
	e.welcome = nil
	e.setWindow(nil)
	e.setLimits(nil)
	e.receipts = nil
	for _, x := range e.order {
		x.lane.disconnect()
	}
	for _, gate := range e.withdrawals {
		gate.asked = false
	}
	e.changed()
	if status.Code(heard) == codes.Canceled && spoke != nil {
		return spoke
	}
	return heard
}

func (l *link) listen() error {
	for {
		response, err := l.stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l.receive(response)
		if response.GetGoodbye() != nil {
			// The last message. The relay waits with the status until this side has ended.
			return nil
		}
	}
}

// speak sends what there is to send, until the link ends.
func (l *link) speak() error {
	e := l.engine
	e.mu.Lock()
	hello := e.hello()
	e.mu.Unlock()
	if err := l.stream.Send(&pb.AttachRequest{Message: &pb.AttachRequest_Hello{Hello: hello}}); err != nil {
		return sending(err)
	}
	patience := time.NewTimer(welcomeTimeout)
	defer patience.Stop()
	for {
		e.mu.Lock()
		welcomed, leave := e.welcome != nil, e.closing && e.idle()
		e.mu.Unlock()
		if welcomed {
			break
		}
		if leave {
			return ErrClosed
		}
		select {
		case <-e.wake:
		case <-patience.C:
			return fmt.Errorf("no welcome in %v", welcomeTimeout)
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
	for {
		messages, last := l.next()
		for _, message := range messages {
			if err := l.stream.Send(message); err != nil {
				return sending(err)
			}
		}
		switch {
		case l.ctx.Err() != nil:
			return l.ctx.Err()
		case last:
			// The relay answers what it has, and ends the stream.
			return l.stream.CloseSend()
		}
	}
}

// sending reads an error of Send: at io.EOF the listener hears the real one.
func sending(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// next waits for something to send. The second result is whether there will be nothing more.
func (l *link) next() ([]*pb.AttachRequest, bool) {
	e := l.engine
	e.mu.Lock()
	defer e.unlock()
	for {
		retry := e.retryIn()
		if e.dirty {
			break
		}
		if !l.sleep(retry) {
			return nil, false
		}
	}
	// A little patience makes fewer and larger messages.
	for until := time.Now().Add(batchDelay); !e.urgent(); {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		if !l.sleep(left) {
			return nil, false
		}
	}
	e.dirty = false
	messages := e.toSend()
	return messages, len(messages) == 0 && e.closing && e.idle()
}

// sleep until the sender is woken or the time is over, which a negative one never is. False: the link has ended.
func (l *link) sleep(most time.Duration) bool {
	e := l.engine
	e.unlock()
	defer e.mu.Lock()
	var over <-chan time.Time
	if most >= 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-e.wake:
	case <-over:
	case <-l.ctx.Done():
	}
	return l.ctx.Err() == nil
}

func (e *Engine) hello() *pb.Hello {
	return &pb.Hello{
		Producer: e.producer,
		Revision: 1,
		Sdk:      &pb.Sdk{Name: "footplate-go", Version: version, Runtime: runtime.Version()},
		Capabilities: &pb.Capabilities{
			Pause:  e.options.capabilities[Pause],
			Resume: e.options.capabilities[Resume],
			Cancel: e.options.capabilities[Cancel],
		},
		Labels: labels(e.options.labels),
		Claims: e.unclaimed(),
	}
}

// receive takes in one message of the relay.
func (l *link) receive(response *pb.AttachResponse) {
	e := l.engine
	e.mu.Lock()
	defer e.unlock()
	defer e.changed()
	switch message := response.Message.(type) {
	case *pb.AttachResponse_Welcome:
		welcome := message.Welcome
		e.setWindow(welcome.Window)
		e.setLimits(welcome.Limits)
		e.welcome = welcome
		e.granted(welcome.Grants)
		log, target := e.options.log, e.target
		e.say(func() {
			log.Info("footplate: attached", "target", target, "relay", welcome.RelayVersion, "durability", welcome.Durability)
		})
	case *pb.AttachResponse_Grants:
		e.granted(message.Grants.Grants)
	case *pb.AttachResponse_Results:
		for _, result := range message.Results.Results {
			l.acked = l.acked || result.Ack != nil
			if x := e.executions[result.ExecutionId]; x != nil && x.refused == nil {
				x.onResult(result)
			}
		}
	case *pb.AttachResponse_Window:
		e.setWindow(message.Window)
	case *pb.AttachResponse_Decision:
		e.decided(message.Decision)
	case *pb.AttachResponse_Command:
		// One for an execution that is not here is left alone: it is delivered again when that is taken up.
		command := message.Command
		if x := e.executions[command.ExecutionId]; x != nil && !e.closing {
			e.receipts = append(e.receipts, &pb.DeliveryReceipt{ExecutionId: x.id, CommandId: command.CommandId})
			x.onCommand(command)
		}
	case *pb.AttachResponse_GateVerdict:
		if message.GateVerdict.Decision != nil {
			e.decided(message.GateVerdict.Decision)
		}
		if x := e.executions[message.GateVerdict.ExecutionId]; x != nil {
			x.onVerdict(message.GateVerdict)
		}
	case *pb.AttachResponse_StateRequest:
		for _, id := range message.StateRequest.ExecutionIds {
			if x := e.executions[id]; x != nil {
				x.lane.stateNeeded(true)
			}
		}
	case *pb.AttachResponse_Goodbye:
		l.goodbye = message.Goodbye
	}
}

func (e *Engine) granted(grants []*pb.Grant) {
	for _, grant := range grants {
		x := e.executions[grant.ExecutionId]
		switch {
		case x == nil || x.refused != nil:
		case grant.Error != nil:
			x.onError(grant.Error)
		default:
			x.settle(func() { x.lane.grant(grant.NextPseq, grant.NeedState) })
		}
	}
}

func (e *Engine) decided(decision *pb.Decision) {
	// One for an execution that is not here is left alone, as a command is.
	if x := e.executions[decision.ExecutionId]; x != nil {
		e.receipts = append(e.receipts, &pb.DeliveryReceipt{ExecutionId: x.id, DecisionId: decision.DecisionId})
		x.onDecision(decision)
	}
}
