package footplate

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

// graphPart is how many nodes and edges of a graph are stated in one event.
const graphPart = 256

type ends struct{ source, target string }

type spender struct{ nodeID, model string }

// state is an execution's compact state, folded from its events, and stated again in events that rebuild it.
type state struct {
	started, status, finished *pb.Event
	graphNodes                ordered[string, *pb.GraphNode]
	graphEdges                ordered[ends, *pb.GraphEdge]
	nodes                     ordered[string, *pb.Event]
	gates                     ordered[string, *pb.Event]
	costs                     ordered[spender, *pb.CostIncurred]
	outcomes                  ordered[string, *pb.Event]
	total, budget             *int64
	// The nodes of gates that an outcome may still come for.
	gateNodes map[string]string
}

// apply takes one event in. Kinds that leave no state, such as logs, are passed over.
func (s *state) apply(event *pb.Event) {
	switch body := event.Kind.(type) {
	case *pb.Event_ExecutionStarted:
		s.started = merged(s.started, event)
	case *pb.Event_ExecutionStatusChanged:
		s.status = event
	case *pb.Event_ExecutionFinished:
		s.finished = event
	case *pb.Event_GraphDeclared:
		s.graph(body.GraphDeclared)
	case *pb.Event_GraphMutated:
		if body.GraphMutated.Change != nil {
			s.graph(body.GraphMutated.Change)
		}
	case *pb.Event_NodeChanged:
		s.node(event)
	case *pb.Event_CostIncurred:
		s.cost(body.CostIncurred)
	case *pb.Event_GateOpened:
		opened := body.GateOpened
		s.gates.set(opened.GateId, event)
		if opened.NodeId != "" {
			if s.gateNodes == nil {
				s.gateNodes = map[string]string{}
			}
			s.gateNodes[opened.GateId] = opened.NodeId
			s.implied(event, opened.NodeId, pb.NodeStatus_NODE_STATUS_WAITING_GATE)
		}
	case *pb.Event_GateClosed:
		s.gates.delete(body.GateClosed.GateId)
		delete(s.gateNodes, body.GateClosed.GateId)
	case *pb.Event_DecisionOutcome:
		decided := body.DecisionOutcome
		s.gates.delete(decided.GateId)
		s.outcome(decided.DecisionId, event)
		nodeID := s.gateNodes[decided.GateId]
		delete(s.gateNodes, decided.GateId)
		if nodeID != "" && decided.Outcome == pb.OutcomeStatus_OUTCOME_STATUS_APPLIED {
			after := decided.NodeStatusAfter
			if after == pb.NodeStatus_NODE_STATUS_UNSPECIFIED {
				after = pb.NodeStatus_NODE_STATUS_RUNNING
			}
			s.implied(event, nodeID, after)
		}
	case *pb.Event_CommandOutcome:
		if body.CommandOutcome.Outcome != pb.OutcomeStatus_OUTCOME_STATUS_IN_PROGRESS {
			s.outcome(body.CommandOutcome.CommandId, event)
		}
	}
}

// events are those that rebuild the state, with the gates that still wait for an answer. They are copies: the state goes
// on while they are being sent.
func (s *state) events(isOpen func(gateID string) bool) []*pb.Event {
	var all []*pb.Event
	add := func(event *pb.Event) {
		if event != nil {
			all = append(all, proto.CloneOf(event))
		}
	}
	add(s.started)
	add(s.status)
	nodes, edges := s.graphNodes.keys, s.graphEdges.keys
	for at := 0; at < max(len(nodes), len(edges)); at += graphPart {
		graph := &pb.GraphDeclared{Replace: at == 0}
		for _, key := range part(nodes, at) {
			graph.Nodes = append(graph.Nodes, s.graphNodes.values[key])
		}
		for _, key := range part(edges, at) {
			graph.Edges = append(graph.Edges, s.graphEdges.values[key])
		}
		add(&pb.Event{Kind: &pb.Event_GraphDeclared{GraphDeclared: graph}})
	}
	for event := range s.nodes.all() {
		add(event)
	}
	for cost := range s.costs.all() {
		add(&pb.Event{Kind: &pb.Event_CostIncurred{CostIncurred: cost}})
	}
	if s.total != nil || s.budget != nil {
		sums := &pb.CostIncurred{TotalUsdNanos: s.total, BudgetUsdNanos: s.budget}
		add(&pb.Event{Kind: &pb.Event_CostIncurred{CostIncurred: sums}})
	}
	for _, gateID := range s.gates.keys {
		if isOpen(gateID) {
			add(s.gates.values[gateID])
		}
	}
	for event := range s.outcomes.all() {
		add(event)
	}
	add(s.finished)
	return all
}

func part[T any](all []T, at int) []T {
	return all[min(at, len(all)):min(at+graphPart, len(all))]
}

func (s *state) graph(graph *pb.GraphDeclared) {
	if graph.Replace {
		s.graphNodes, s.graphEdges = ordered[string, *pb.GraphNode]{}, ordered[ends, *pb.GraphEdge]{}
		named := map[string]bool{}
		for _, node := range graph.Nodes {
			named[node.NodeId] = true
		}
		s.nodes.deleteFunc(func(nodeID string) bool { return !named[nodeID] })
	}
	for _, nodeID := range graph.RemovedNodeIds {
		s.graphNodes.delete(nodeID)
		s.nodes.delete(nodeID)
		s.graphEdges.deleteFunc(func(edge ends) bool { return edge.source == nodeID || edge.target == nodeID })
	}
	for _, edge := range graph.RemovedEdges {
		s.graphEdges.delete(ends{edge.SourceNodeId, edge.TargetNodeId})
	}
	for _, node := range graph.Nodes {
		known, ok := s.graphNodes.get(node.NodeId)
		if !ok {
			known = &pb.GraphNode{}
			s.graphNodes.set(node.NodeId, known)
		}
		overlay(known.ProtoReflect(), node.ProtoReflect())
	}
	for _, edge := range graph.Edges {
		key := ends{edge.SourceNodeId, edge.TargetNodeId}
		known, ok := s.graphEdges.get(key)
		if !ok {
			known = &pb.GraphEdge{}
			s.graphEdges.set(key, known)
		}
		overlay(known.ProtoReflect(), edge.ProtoReflect())
	}
}

func (s *state) node(event *pb.Event) {
	change := event.GetNodeChanged()
	known, _ := s.nodes.get(change.NodeId)
	if before := known.GetNodeChanged(); before != nil && change.NodeAttempt > max(before.NodeAttempt, 1) {
		before.Output, before.Failure, before.Metrics, before.StartTime, before.FinishTime = nil, nil, nil, nil, nil
	}
	s.nodes.set(change.NodeId, merged(known, event))
}

// implied is a change of a node that an event about a gate brings with it.
func (s *state) implied(event *pb.Event, nodeID string, status pb.NodeStatus) {
	change := &pb.NodeChanged{NodeId: nodeID, Status: status}
	s.node(&pb.Event{EventTime: event.EventTime, Kind: &pb.Event_NodeChanged{NodeChanged: change}})
}

func (s *state) cost(cost *pb.CostIncurred) {
	if cost.BudgetUsdNanos != nil {
		s.budget = cost.BudgetUsdNanos
	}
	switch {
	case cost.TotalUsdNanos != nil:
		s.total = cost.TotalUsdNanos
	case cost.IncrementUsdNanos != nil:
		s.total = added(s.total, cost.IncrementUsdNanos)
	}
	if cost.IncrementUsdNanos == nil && cost.InputTokens == nil && cost.OutputTokens == nil && cost.TotalTokens == nil {
		return
	}
	key := spender{cost.NodeId, cost.Model}
	sums, ok := s.costs.get(key)
	if !ok {
		sums = &pb.CostIncurred{NodeId: cost.NodeId, Model: cost.Model}
		s.costs.set(key, sums)
	}
	sums.Agent, sums.StepId = cost.Agent, cost.StepId
	sums.IncrementUsdNanos = added(sums.IncrementUsdNanos, cost.IncrementUsdNanos)
	sums.InputTokens = added(sums.InputTokens, cost.InputTokens)
	sums.OutputTokens = added(sums.OutputTokens, cost.OutputTokens)
	sums.TotalTokens = added(sums.TotalTokens, cost.TotalTokens)
}

func added(sum, more *int64) *int64 {
	switch {
	case more == nil:
		return sum
	case sum == nil:
		return more
	default:
		return proto.Int64(*sum + *more)
	}
}

func (s *state) outcome(id string, event *pb.Event) {
	if _, ok := s.outcomes.get(id); ok {
		return
	}
	s.outcomes.set(id, event)
	s.outcomes.trim(keptOutcomes)
}

// merged is a copy of what is known with what the event states. Native forms are for live viewers only.
func merged(known, event *pb.Event) *pb.Event {
	all := &pb.Event{}
	if known != nil {
		all = proto.CloneOf(known)
	}
	if event.EventTime != nil {
		all.EventTime = event.EventTime
	}
	from := event.ProtoReflect()
	kind := from.WhichOneof(kinds)
	overlay(all.ProtoReflect().Mutable(kind).Message(), from.Get(kind).Message())
	return all
}

var (
	kinds   = (&pb.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("kind")
	metrics = (&pb.NodeMetrics{}).ProtoReflect().Descriptor().FullName()
)

// overlay takes over the stated fields; what is not stated stays. What is stated is never changed later.
func overlay(known, stated protoreflect.Message) {
	stated.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if of := field.Message(); of != nil && !field.IsList() && of.FullName() == metrics {
			overlay(known.Mutable(field).Message(), value.Message())
		} else {
			known.Set(field, value)
		}
		return true
	})
}
