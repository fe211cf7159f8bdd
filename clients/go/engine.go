package footplate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// keptFinished is how many finished executions have their state kept for a relay that restarts without its own.
const keptFinished = 32

// Engine is a program that executes, attached to a relay. It attaches in the background, and again whenever the link
// breaks.
type Engine struct {
	target   string
	options  *options
	producer *pb.Producer

	// Ends the link, and whatever a handler of a command is at.
	ctx    context.Context
	cancel context.CancelFunc
	// Closed when the link has ended for good.
	done     chan struct{}
	handlers sync.WaitGroup
	// The sender is woken by it.
	wake chan struct{}

	// mu guards everything below, and all executions with their gates. Nothing waits for the network while it is held.
	mu sync.Mutex
	// Closed and replaced when something has changed, for those who wait.
	news    chan struct{}
	waiting int
	// What is to be logged once mu is free: a logger is somebody else's code.
	said []func()

	executions map[string]*Execution
	order      []*Execution
	finished   []*Execution
	// Whose turn it is in the next batch.
	turn        int
	receipts    []*pb.DeliveryReceipt
	withdrawals []*Gate

	window  *pb.Window
	limits  *pb.Limits
	welcome *pb.Welcome
	// What is in all outboxes.
	events, bytes int
	// Events since the last batch, and whether there is anything to be sent.
	fresh   int
	dirty   bool
	closing bool
	err     error
}

// New makes an engine, and begins to attach it to the relay at target: host:port, or unix:/path. It does not wait for
// that; an error says that a setting is wrong.
func New(target string, with ...Option) (*Engine, error) {
	o, err := settings(target, with)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Engine{
		target:     target,
		options:    o,
		producer:   &pb.Producer{ProducerId: o.producerID, ProducerEpoch: uint64(time.Now().UnixMicro())},
		ctx:        ctx,
		cancel:     cancel,
		done:       make(chan struct{}),
		wake:       make(chan struct{}, 1),
		news:       make(chan struct{}),
		executions: map[string]*Execution{},
	}
	e.setWindow(nil)
	e.setLimits(nil)
	conn, err := e.connection()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("footplate: %s is no target, which is host:port or unix:/path: %w", target, err)
	}
	// It was not used: each attempt has its own.
	_ = conn.Close()
	go e.run()
	return e, nil
}

// ExecutionSpec is what is known of an execution when it begins.
type ExecutionSpec struct {
	// Name is what it is called, for people.
	Name string
	// Input is what it was given, as JSON.
	Input any
	// Budget is how much it may cost; 0 is no budget.
	Budget USD
	// Labels are for people and for filters.
	Labels map[string]string
	// More has whatever else there is to state of it; the fields above stand over it.
	More *pb.ExecutionStarted

	// OnPause, OnResume and OnCancel obey the commands of these names, for an engine that does so at once rather than at
	// its next checkpoint. They are called one at a time. Nil reports that the command took effect, Refuse that it will
	// not, any other error that it went wrong. The context ends when the command is superseded, or the engine stops.
	//
	// Without them, a pause takes effect at Checkpoint or a waiting gate, a resume at once, and a cancel when the
	// execution finishes.
	OnPause, OnResume, OnCancel func(context.Context) error
}

// Start takes up an execution and states that it began. An id that an earlier process of this producer has used goes on
// with that execution.
func (e *Engine) Start(ctx context.Context, executionID string, spec ExecutionSpec) (*Execution, error) {
	event, aliases, err := spec.started()
	if err != nil {
		return nil, fmt.Errorf("execution %s: %w", executionID, err)
	}
	x := &Execution{
		engine:  e,
		id:      executionID,
		aliases: aliases,
		lane:    newLane(executionID),
		on: map[Capability]func(context.Context) error{
			Pause: spec.OnPause, Resume: spec.OnResume, Cancel: spec.OnCancel,
		},
		gates:   map[string]*Gate{},
		used:    map[string]bool{},
		pending: map[string]*command{},
		latest:  map[string]*pb.Event{},
	}
	size, err := x.measure(event)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := x.room(ctx, size); err != nil {
		return nil, err
	}
	if e.executions[executionID] != nil {
		return nil, fmt.Errorf("execution %s has been started here", executionID)
	}
	e.executions[executionID] = x
	e.order = append(e.order, x)
	x.takeIn(event, size)
	return x, nil
}

// Run starts an execution, does its work, and states how that ended: completed at nil, cancelled when the error is
// ErrCancelled or that the context was cancelled, timed out when its deadline passed, and otherwise failed. The work's
// context ends with the cause ErrCancelled when a person cancels the execution.
func (e *Engine) Run(
	ctx context.Context, executionID string, spec ExecutionSpec, work func(context.Context, *Execution) error,
) error {
	x, err := e.Start(ctx, executionID, spec)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	x.onCancelled(stop)
	returned := false
	defer func() {
		if !returned {
			_ = x.Finish(Failed, Reason("panic"))
		}
	}()
	err = work(ctx, x)
	returned = true
	var refused *LaneError
	if x.Finished() || errors.Is(err, ErrStopped) || errors.As(err, &refused) {
		return err
	}
	status, details := Failed, []Detail{Failure(err)}
	switch {
	case err == nil:
		status, details = Completed, nil
	case errors.Is(err, ErrCancelled), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		status, details = Cancelled, []Detail{Reason(err.Error())}
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		status = TimedOut
	}
	return also(err, x.Finish(status, details...))
}

// Ready waits until the relay has welcomed the engine.
func (e *Engine) Ready(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wait(ctx, func() bool { return e.welcome != nil })
}

// Flush waits until everything that was stated is acknowledged.
func (e *Engine) Flush(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wait(ctx, func() bool { return e.events == 0 })
}

// Welcome is what the relay said when the present link was made, or nil while there is none.
func (e *Engine) Welcome() *pb.Welcome {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.welcome
}

// Err is why the engine has stopped, or nil.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Close waits until what was stated is acknowledged, at most until the context ends, and ends the link. Nothing more is
// taken in. It is an error if something is lost. Closing again does nothing.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	if e.welcome == nil && e.idle() {
		e.cancel()
	}
	e.changed()
	e.mu.Unlock()

	var cause error
	select {
	case <-e.done:
	case <-ctx.Done():
		cause = context.Cause(ctx)
	}
	e.cancel()
	<-e.done
	handled := make(chan struct{})
	go func() {
		e.handlers.Wait()
		close(handled)
	}()
	select {
	case <-handled:
	case <-ctx.Done():
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	lost := e.events
	e.events = 0
	if lost == 0 {
		return nil
	}
	if cause == nil {
		cause = e.err
	}
	return fmt.Errorf("closed with %d events that the relay has not acknowledged: %w", lost, cause)
}

// What follows is called with mu held.

// wait until the condition holds, the context ends or the engine has stopped.
func (e *Engine) wait(ctx context.Context, condition func() bool) error {
	for !condition() {
		if e.err != nil {
			return e.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.pause(ctx, nil)
	}
	return nil
}

// pause until something has changed, the context ends, or the timer fires, which is what it tells.
func (e *Engine) pause(ctx context.Context, timer <-chan time.Time) (fired bool) {
	news := e.news
	e.waiting++
	e.unlock()
	select {
	case <-news:
	case <-ctx.Done():
	case <-timer:
		fired = true
	}
	e.mu.Lock()
	e.waiting--
	return fired
}

// changed wakes everybody who waits for something, the sender included.
func (e *Engine) changed() {
	e.wakeSender()
	if e.waiting > 0 {
		close(e.news)
		e.news = make(chan struct{})
	}
}

func (e *Engine) wakeSender() {
	e.dirty = true
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// log is done when mu is free again.
func (e *Engine) say(log func()) { e.said = append(e.said, log) }

// unlock frees mu, and logs.
func (e *Engine) unlock() {
	said := e.said
	e.said = nil
	e.mu.Unlock()
	for _, log := range said {
		log()
	}
}

// idle tells whether nothing is left to do for a link.
func (e *Engine) idle() bool { return e.events == 0 && len(e.withdrawals) == 0 }

// fits tells whether an event of this size fits in this share, of 100, of the outbox.
func (e *Engine) fits(size, share int) bool {
	if e.events == 0 {
		return true
	}
	events, bytes := int(e.window.MaxUnackedEvents), int(e.window.MaxUnackedBytes)
	return (e.events+1)*100 <= events*share && (e.bytes+size)*100 <= bytes*share
}

// setWindow takes the relay's window, and makes it smaller where the program wants less.
func (e *Engine) setWindow(stated *pb.Window) {
	window := &pb.Window{
		MaxUnackedEvents: or(stated.GetMaxUnackedEvents(), 16_384),
		MaxUnackedBytes:  or(stated.GetMaxUnackedBytes(), 8<<20),
	}
	if most := uint64(e.options.events); most > 0 {
		window.MaxUnackedEvents = min(window.MaxUnackedEvents, most)
		window.MaxUnackedBytes = min(window.MaxUnackedBytes, uint64(e.options.bytes))
	}
	e.window = window
}

func (e *Engine) setLimits(stated *pb.Limits) {
	e.limits = &pb.Limits{
		MaxEventBytes:  or(stated.GetMaxEventBytes(), 256<<10),
		MaxBatchEvents: or(stated.GetMaxBatchEvents(), batchEvents),
	}
}

func or[T uint32 | uint64](stated, otherwise T) T {
	if stated == 0 {
		return otherwise
	}
	return stated
}

// retire keeps the last finished executions, and forgets the others.
func (e *Engine) retire(x *Execution) {
	if !slices.Contains(e.finished, x) {
		e.finished = append(e.finished, x)
	}
	for len(e.finished) > keptFinished {
		old := e.finished[0]
		e.finished = slices.Delete(e.finished, 0, 1)
		if len(old.lane.entries) == 0 && e.executions[old.id] == old {
			delete(e.executions, old.id)
			e.order = slices.DeleteFunc(e.order, func(other *Execution) bool { return other == old })
		}
	}
}

// stop ends the engine for good.
func (e *Engine) stop(err error) {
	if e.err == nil {
		e.err = err
	}
	e.changed()
}
