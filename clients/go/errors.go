package footplate

import (
	"errors"
	"fmt"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// kind is an error that others are told apart by, perhaps one of a family.
type kind struct {
	text   string
	family error
}

func (k *kind) Error() string { return k.text }
func (k *kind) Unwrap() error { return k.family }

// What can go wrong, for errors.Is. The errors that come back say more.
var (
	// ErrStopped is the family of the four below: the engine's link has ended for good.
	ErrStopped = errors.New("the engine has stopped")
	// ErrClosed says that the program itself has closed the engine.
	ErrClosed error = &kind{"the engine was closed", ErrStopped}
	// ErrFenced says that a newer process of this producer has attached. Nothing that this one does counts any more.
	ErrFenced error = &kind{"fenced: a newer process of this producer has attached", ErrStopped}
	// ErrReplaced says that another stream of this very process has taken this one's place.
	ErrReplaced error = &kind{"replaced by another stream of this process", ErrStopped}
	// ErrRefused says that the relay will not have this engine.
	ErrRefused error = &kind{"refused by the relay", ErrStopped}

	// ErrOutboxFull says that the relay had not taken enough events when the context ended. The event was not stated.
	ErrOutboxFull = errors.New("the outbox is full")
	// ErrTooLarge says that the event is larger than the relay takes. It was not stated.
	ErrTooLarge = errors.New("the event is too large")
	// ErrInvalid says that the event can't be encoded, as with text that is not UTF-8. It was not stated.
	ErrInvalid = errors.New("the event is invalid")
	// ErrCancelled says that a person cancelled the execution: unwind.
	ErrCancelled = errors.New("the execution was cancelled")

	// ErrUndecided says that patience ended before the gate was decided. The gate stays open.
	ErrUndecided = errors.New("undecided yet")
	// ErrDecided says that a decision came before the withdrawal. Gate.Wait returns it.
	ErrDecided = errors.New("decided already")
	// ErrGateUsed says that the gate was announced and resolved before: a gate is single-use.
	ErrGateUsed = errors.New("the gate has been used")
	// ErrGateRejected says that the relay rejected the gate itself, so nobody was asked.
	ErrGateRejected = errors.New("the gate was rejected")
	// ErrGateClosed says that the gate was withdrawn or closed: no decision will come.
	ErrGateClosed = errors.New("the gate is closed")

	// ErrNotApproved is the family of the three below: what was asked about must not be done.
	ErrNotApproved = errors.New("not approved")
	// ErrRejected says that somebody decided against it.
	ErrRejected error = &kind{"rejected", ErrNotApproved}
	// ErrExpired says that nobody decided in time, or nobody could. It is nobody's rejection.
	ErrExpired error = &kind{"nobody decided in time", ErrNotApproved}
	// ErrPayloadChanged says that what is about to be done is not what was decided about. The decision has been refused.
	ErrPayloadChanged error = &kind{"the payload is not the one that was decided about", ErrNotApproved}
	// ErrUsed says that the decision was used before. It has one effect at most.
	ErrUsed = errors.New("the decision has been used")
)

// LaneError says that the relay will not take this execution's events: it belongs to somebody else, or is gone.
type LaneError struct {
	ExecutionID string
	Code        pb.LaneErrorCode
	Message     string
}

func (e *LaneError) Error() string {
	return fmt.Sprintf("execution %s: the relay refuses it: %s (%s)", e.ExecutionID, e.Message, e.Code)
}

// refusal is what Refuse makes.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "refused: " + r.reason }

// Refuse makes the error by which a handler of a command, or what Apply calls, says that nothing was done and nothing
// will be. Any other error says that it was begun and went wrong.
func Refuse(reason string) error { return &refusal{reason} }

// also adds a second error, if there is one, to a first.
func also(first, second error) error {
	if second == nil {
		return first
	}
	return errors.Join(first, second)
}

// verdict reads the error of a handler.
func verdict(err error) (pb.OutcomeStatus, string) {
	var refused *refusal
	switch {
	case err == nil:
		return pb.OutcomeStatus_OUTCOME_STATUS_APPLIED, ""
	case errors.As(err, &refused):
		return pb.OutcomeStatus_OUTCOME_STATUS_REFUSED, shortened(refused.reason)
	default:
		return pb.OutcomeStatus_OUTCOME_STATUS_FAILED, shortened(err.Error())
	}
}
