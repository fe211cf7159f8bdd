// An engine to try a relay with: it runs a small graph, spends a little, and asks a person before it deploys.
//
//	go run ./example -target 127.0.0.1:50051 [-ca ca.pem] [-execution nightly-1] [-fast]
//
// It obeys: approve, reject or modify at the gate, and pause, resume and cancel at any time. The exit code is 0 if the
// execution completed, 1 if the link was refused or something broke, 2 if it was cancelled, 3 if the plan was rejected,
// expired or changed, and 130 if it was interrupted. Run again with the same -execution, it goes on with the numbers of the
// earlier run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/footplate/footplate/clients/go"
	pb "github.com/footplate/footplate/clients/go/gen/footplate/v1"
)

var nodes = []*pb.GraphNode{
	{NodeId: "extract", Label: "Extract", NodeType: "task"},
	{NodeId: "clean", Label: "Clean", NodeType: "task"},
	{NodeId: "train", Label: "Train", NodeType: "agent"},
	{NodeId: "evaluate", Label: "Evaluate", NodeType: "task"},
	{NodeId: "approve", Label: "Ask before deploying", NodeType: "gate"},
	{NodeId: "deploy", Label: "Deploy", NodeType: "task"},
}

var edges = []*pb.GraphEdge{
	{SourceNodeId: "extract", TargetNodeId: "clean"},
	{SourceNodeId: "clean", TargetNodeId: "train"},
	{SourceNodeId: "clean", TargetNodeId: "evaluate"},
	{SourceNodeId: "train", TargetNodeId: "evaluate"},
	{SourceNodeId: "evaluate", TargetNodeId: "approve"},
	{SourceNodeId: "approve", TargetNodeId: "deploy"},
}

// plan is what is asked about, and what a person may modify.
type plan struct {
	Service  string `json:"service"`
	Version  string `json:"version"`
	Replicas int    `json:"replicas"`
}

const planSchema = `{
	"type": "object",
	"properties": {
		"service": {"type": "string"},
		"version": {"type": "string"},
		"replicas": {"type": "integer", "minimum": 1, "maximum": 10}
	},
	"required": ["service", "version", "replicas"],
	"additionalProperties": false
}`

type job struct {
	run      *footplate.Execution
	pause    time.Duration
	deadline time.Duration
}

func main() {
	target := flag.String("target", "127.0.0.1:50051", "host:port or unix:/path")
	ca := flag.String("ca", "", "a file with the authorities to trust; without it the link is not encrypted")
	execution := flag.String("execution", "", "the execution's id (default: a new one)")
	producer := flag.String("producer", "example-engine-go", "the engine's name")
	deadline := flag.Duration("deadline", 0, "how long until the question expires (default: never)")
	fast := flag.Bool("fast", false, "don't pretend that work takes time")
	flag.Parse()
	if *execution == "" {
		*execution = fmt.Sprintf("nightly-%d", time.Now().Unix())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	j := &job{pause: 500 * time.Millisecond, deadline: *deadline}
	if *fast {
		j.pause = 0
	}
	err := attached(ctx, *target, *ca, *producer, *execution, j)
	interrupted := ctx.Err() != nil
	stop()
	os.Exit(code(err, interrupted))
}

func code(err error, interrupted bool) int {
	switch {
	case err == nil:
		fmt.Println("completed")
		return 0
	case interrupted:
		fmt.Println("interrupted")
		return 130
	case errors.Is(err, footplate.ErrCancelled):
		fmt.Println("cancelled")
		return 2
	case errors.Is(err, footplate.ErrNotApproved):
		fmt.Println("not deployed:", err)
		return 3
	default:
		fmt.Println("stopped:", err)
		return 1
	}
}

func attached(ctx context.Context, target, ca, producer, execution string, j *job) (err error) {
	options := []footplate.Option{
		footplate.WithProducerID(producer),
		footplate.WithCapabilities(footplate.Pause, footplate.Resume, footplate.Cancel),
	}
	if ca != "" {
		trusted, err := credentials.NewClientTLSFromFile(ca, "")
		if err != nil {
			return err
		}
		options = append(options, footplate.WithTransportCredentials(trusted))
	}
	if token := os.Getenv("FOOTPLATE_TOKEN"); token != "" {
		options = append(options, footplate.WithToken(token))
	}
	engine, err := footplate.New(target, options...)
	if err != nil {
		return err
	}
	defer func() {
		// Not the context of the work, which may be over.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, engine.Close(last))
	}()
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if engine.Ready(soon) != nil {
		fmt.Printf("no relay at %s yet; going on, and attaching when there is one\n", target)
	}
	spec := footplate.ExecutionSpec{
		Name: "Nightly training", Budget: 25 * footplate.Cent, Labels: map[string]string{"team": "ranking"},
	}
	return engine.Run(ctx, execution, spec, func(ctx context.Context, run *footplate.Execution) error {
		fmt.Println("started", execution)
		j.run = run
		return j.all(ctx)
	})
}

func (j *job) all(ctx context.Context) error {
	if err := j.run.Graph(ctx, nodes, edges); err != nil {
		return err
	}
	for _, node := range nodes {
		if err := j.run.Node(ctx, node.NodeId, footplate.NodePending); err != nil {
			return err
		}
	}
	before := ""
	for _, nodeID := range []string{"extract", "clean", "train", "evaluate"} {
		if before != "" {
			taken := &pb.EdgeActivated{FromNodeId: before, ToNodeId: nodeID}
			if err := j.run.Emit(ctx, &pb.Event{Kind: &pb.Event_EdgeActivated{EdgeActivated: taken}}); err != nil {
				return err
			}
		}
		if err := j.work(ctx, nodeID, 4); err != nil {
			return err
		}
		before = nodeID
	}
	return j.ask(ctx)
}

// work is a node's, in steps with a checkpoint between them.
func (j *job) work(ctx context.Context, nodeID string, steps int) error {
	fmt.Println(nodeID + ": at work")
	if err := j.run.Node(ctx, nodeID, footplate.NodeRunning); err != nil {
		return err
	}
	log := j.run.Logger(nodeID)
	for step := 1; step <= steps; step++ {
		if err := j.run.Checkpoint(ctx); err != nil {
			return err
		}
		log.Info(fmt.Sprintf("step %d of %d", step, steps))
		j.run.Progress(nodeID, float64(step)/float64(steps), "")
		if nodeID == "train" || nodeID == "evaluate" {
			err := j.run.Cost(ctx, footplate.Spending{
				USD: 12_500 * footplate.Micro, NodeID: nodeID, Agent: nodeID, Model: "model-1", InputTokens: 800, OutputTokens: 120,
			})
			if err != nil {
				return err
			}
		}
		select {
		case <-time.After(j.pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return j.run.Node(ctx, nodeID, footplate.NodeCompleted, footplate.Output(map[string]int{"rows": steps * 1000}))
}

// ask asks whether to deploy, and deploys what was decided upon.
func (j *job) ask(ctx context.Context) error {
	if err := j.run.Node(ctx, "approve", footplate.NodeRunning); err != nil {
		return err
	}
	asked := plan{Service: "ranking", Version: "v12", Replicas: 3}
	question := footplate.GateSpec{
		ID:            "approve:1",
		NodeID:        "approve",
		Title:         "Deploy ranking v12?",
		Prompt:        "The evaluation is done. Deploy to production with this plan?",
		Payload:       asked,
		PayloadSchema: json.RawMessage(planSchema),
		Options: []*pb.GateOption{
			{OptionId: "approve", Label: "Deploy", Kind: footplate.Approve, Style: pb.OptionStyle_OPTION_STYLE_PRIMARY},
			{OptionId: "modify", Label: "Deploy changed", Kind: footplate.Modify},
			{OptionId: "reject", Label: "Don't", Kind: footplate.Reject, Style: pb.OptionStyle_OPTION_STYLE_DANGER},
		},
		More: &pb.GateOpened{Advice: []*pb.Advice{
			{Source: "evaluate", Text: "2 % better than v11", Confidence: proto.Float64(0.8), OptionId: "approve"},
		}},
	}
	if j.deadline > 0 {
		question.Deadline = time.Now().Add(j.deadline)
	}
	gate, err := j.run.Gate(ctx, question)
	if err != nil {
		return err
	}
	fmt.Println("approve: waiting for a person")
	decision, err := gate.WaitFor(ctx, 30*time.Second)
	for errors.Is(err, footplate.ErrUndecided) {
		fmt.Println("approve: still waiting")
		decision, err = gate.WaitFor(ctx, 30*time.Second)
	}
	if err != nil {
		return err
	}
	fmt.Printf("approve: %s by %s: %s\n", or(decision.OptionID(), "no answer"), or(decision.Actor(), "nobody named"), or(decision.Comment(), "-"))
	decision.NodeStatusAfter = footplate.NodeCompleted
	var decided plan
	err = footplate.Apply(ctx, decision, asked, func(_ context.Context, changed plan) error {
		decided = changed
		return nil
	})
	if err != nil {
		return errors.Join(err, j.run.Node(ctx, "approve", footplate.NodeFailed, footplate.Reason(err.Error())))
	}
	fmt.Printf("deploy: with %+v\n", decided)
	if err := j.work(ctx, "deploy", 2); err != nil {
		return err
	}
	return j.run.Finish(footplate.Completed, footplate.Output(decided))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
