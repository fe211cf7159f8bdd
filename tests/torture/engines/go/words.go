package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// word is a value of an enum as dashboards name it.
func word(value fmt.Stringer, prefix string) string {
	name := strings.ToLower(strings.TrimPrefix(value.String(), prefix+"_"))
	if name == "unspecified" {
		return ""
	}
	return name
}

// content is what of an event everybody has to be told, in the words of the native protocol. See frames.rs.
func content(event *pb.Event) string {
	switch kind := event.Kind.(type) {
	case *pb.Event_ExecutionStarted:
		return "status|started|"
	case *pb.Event_ExecutionStatusChanged:
		return "status|status|" + word(kind.ExecutionStatusChanged.Status, "EXECUTION_STATUS")
	case *pb.Event_ExecutionFinished:
		return "over|" + word(kind.ExecutionFinished.Status, "EXECUTION_STATUS")
	case *pb.Event_LogWritten:
		it := kind.LogWritten
		return fmt.Sprintf("log|%s|%s|%s", it.NodeId, word(it.Level, "LOG_LEVEL"), it.Message)
	case *pb.Event_NodeChanged:
		it := kind.NodeChanged
		return fmt.Sprintf("node|%s|%s|%s", it.NodeId, word(it.Status, "NODE_STATUS"), it.Reason)
	case *pb.Event_NodeProgressed:
		return fmt.Sprintf("progress|%s|%s", kind.NodeProgressed.NodeId, kind.NodeProgressed.Message)
	case *pb.Event_CostIncurred:
		it := kind.CostIncurred
		return fmt.Sprintf("cost|%s|%d|%s", it.NodeId, it.GetIncrementUsdNanos(), it.Model)
	case *pb.Event_GateOpened:
		it := kind.GateOpened
		return fmt.Sprintf("gate|%s|%d|%s", it.GateId, it.GateVersion, it.Title)
	case *pb.Event_DecisionOutcome:
		it := kind.DecisionOutcome
		return fmt.Sprintf("outcome|%s|%s|%s", it.GateId, it.DecisionId, word(it.Outcome, "OUTCOME_STATUS"))
	case *pb.Event_CommandOutcome:
		it := kind.CommandOutcome
		return fmt.Sprintf("command|%s|%s", it.CommandId, word(it.Outcome, "OUTCOME_STATUS"))
	case *pb.Event_EventsDropped:
		return fmt.Sprintf("dropped|%d", kind.EventsDropped.Count)
	case *pb.Event_GraphDeclared:
		return "graph_declared"
	default:
		return fmt.Sprintf("%T", kind)
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// stepOf is which step of its execution an event was, by the mark that it bears; -1 for what is no step.
func stepOf(event *pb.Event) int {
	mark := ""
	switch kind := event.Kind.(type) {
	case *pb.Event_LogWritten:
		mark = kind.LogWritten.Message
	case *pb.Event_NodeChanged:
		mark = kind.NodeChanged.Reason
	case *pb.Event_NodeProgressed:
		mark = kind.NodeProgressed.Message
	case *pb.Event_CostIncurred:
		mark = kind.CostIncurred.Model
	case *pb.Event_GateOpened:
		mark = kind.GateOpened.Title
	}
	parts := strings.Split(mark, "/")
	if len(parts) < 4 {
		return -1
	}
	step, err := strconv.Atoi(parts[2])
	if err != nil {
		return -1
	}
	return step
}
