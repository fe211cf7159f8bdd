package footplate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// USD is an amount of money in billionths of a US dollar, as time.Duration is one of time in nanoseconds. What a model costs
// that takes 3 dollars for a million tokens is USD(tokens) * 3 * Micro.
type USD int64

// Amounts to multiply.
const (
	Micro  USD = 1_000
	Cent   USD = 10_000 * Micro
	Dollar USD = 100 * Cent
)

// ParseUSD reads a decimal text such as "0.0125". It is an error if that is not a whole number of billionths.
func ParseUSD(text string) (USD, error) {
	amount, ok := new(big.Rat).SetString(text)
	if !ok || strings.Contains(text, "/") {
		return 0, fmt.Errorf("%q is no amount of money", text)
	}
	amount.Mul(amount, big.NewRat(int64(Dollar), 1))
	if !amount.IsInt() || !amount.Num().IsInt64() {
		return 0, fmt.Errorf("%s US dollars are no whole number of billionths that fits into 64 bits", text)
	}
	return USD(amount.Num().Int64()), nil
}

// String is the amount in US dollars.
func (u USD) String() string {
	text := new(big.Rat).SetFrac64(int64(u), int64(Dollar)).FloatString(9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + " USD"
}

// NodeStatus is where a node stands.
type NodeStatus = pb.NodeStatus

// Where a node stands.
const (
	NodePending     = pb.NodeStatus_NODE_STATUS_PENDING
	NodeReady       = pb.NodeStatus_NODE_STATUS_READY
	NodeQueued      = pb.NodeStatus_NODE_STATUS_QUEUED
	NodeRunning     = pb.NodeStatus_NODE_STATUS_RUNNING
	NodeWaitingGate = pb.NodeStatus_NODE_STATUS_WAITING_GATE
	NodePaused      = pb.NodeStatus_NODE_STATUS_PAUSED
	NodeRetrying    = pb.NodeStatus_NODE_STATUS_RETRYING
	NodeCompleted   = pb.NodeStatus_NODE_STATUS_COMPLETED
	NodeFailed      = pb.NodeStatus_NODE_STATUS_FAILED
	NodeSkipped     = pb.NodeStatus_NODE_STATUS_SKIPPED
	NodeCancelled   = pb.NodeStatus_NODE_STATUS_CANCELLED
)

// ExecutionStatus is where an execution stands.
type ExecutionStatus = pb.ExecutionStatus

// How an execution ends.
const (
	Completed = pb.ExecutionStatus_EXECUTION_STATUS_COMPLETED
	Failed    = pb.ExecutionStatus_EXECUTION_STATUS_FAILED
	Cancelled = pb.ExecutionStatus_EXECUTION_STATUS_CANCELLED
	TimedOut  = pb.ExecutionStatus_EXECUTION_STATUS_TIMED_OUT
)

// DecisionKind is what an answer means. Go on only at Approve and Modify.
type DecisionKind = pb.DecisionKind

// What an answer means.
const (
	Approve = pb.DecisionKind_DECISION_KIND_APPROVE
	Reject  = pb.DecisionKind_DECISION_KIND_REJECT
	Modify  = pb.DecisionKind_DECISION_KIND_MODIFY
	Retry   = pb.DecisionKind_DECISION_KIND_RETRY
	Skip    = pb.DecisionKind_DECISION_KIND_SKIP
	Abort   = pb.DecisionKind_DECISION_KIND_ABORT
	Custom  = pb.DecisionKind_DECISION_KIND_CUSTOM
)

// JSON is a value as opaque JSON, for events that Execution.Emit states. Numbers and the order of keys stay as they are
// encoded; a nil value is none.
func JSON(value any) (*pb.Json, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case *pb.Json:
		return value, nil
	}
	text, err := encoded(value)
	if err != nil {
		return nil, err
	}
	return &pb.Json{Text: text}, nil
}

// encoded is JSON without the escapes that only HTML needs.
func encoded(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// decoded reads JSON, keeps numbers as they are written where the type allows it, and takes nothing that the type has no
// place for: it would be lost in silence.
func decoded(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// digest of a payload, which depends neither on the order of its keys nor on the type that it is in.
func digest(payload any) ([]byte, error) {
	value, err := JSON(payload)
	if err != nil {
		return nil, err
	}
	text := []byte("null")
	if value != nil {
		text = value.Text
	}
	var plain any
	if err := decoded(text, &plain); err != nil {
		return nil, err
	}
	if text, err = encoded(plain); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// timestamp is an instant, floored to microseconds.
func timestamp(at time.Time) *timestamppb.Timestamp {
	return timestamppb.New(time.UnixMicro(at.UnixMicro()))
}

// labels in an order of their own, so that the same ones are the same event.
func labels(from map[string]string) []*pb.Label {
	var all []*pb.Label
	for _, key := range sortedKeys(from) {
		all = append(all, &pb.Label{Key: key, Value: from[key]})
	}
	return all
}

// failure is what went wrong, from an error.
func failure(err error, nodeID string) *pb.Failure {
	kind := reflect.TypeOf(err).String()
	return &pb.Failure{ErrorType: strings.TrimPrefix(kind, "*"), Message: valid(err.Error()), NodeId: nodeID}
}

// valid is the text in UTF-8, which alone can be encoded.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// shortened is a reason of the length that people read.
func shortened(text string) string {
	const most = 1024
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return valid(text)
}
