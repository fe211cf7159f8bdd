package footplate_test

import (
	"context"
	"fmt"
	"time"

	footplate "github.com/footplate/footplate/clients/go"
)

func Example() {
	ctx := context.Background()
	engine, err := footplate.New("127.0.0.1:50051",
		footplate.WithProducerID("trainer"),
		footplate.WithCapabilities(footplate.Pause, footplate.Resume, footplate.Cancel))
	if err != nil {
		panic(err)
	}
	defer engine.Close(ctx)

	type Plan struct{ Version string }
	plan := Plan{"v12"}
	deploy := func(_ context.Context, plan Plan) error {
		fmt.Println("deploying", plan.Version)
		return nil
	}
	spec := footplate.ExecutionSpec{Name: "Nightly", Budget: 250 * footplate.Cent}
	err = engine.Run(ctx, "nightly-1", spec, func(ctx context.Context, run *footplate.Execution) error {
		if err := run.Node(ctx, "deploy", footplate.NodeRunning); err != nil {
			return err
		}
		if err := run.Checkpoint(ctx); err != nil {
			return err
		}
		gate, err := run.Gate(ctx, footplate.GateSpec{
			ID: "deploy:1", NodeID: "deploy", Title: "Deploy v12?", Payload: plan, Deadline: time.Now().Add(30 * time.Minute),
		})
		if err != nil {
			return err
		}
		decision, err := gate.Wait(ctx)
		if err != nil {
			return err
		}
		return footplate.Apply(ctx, decision, plan, deploy)
	})
	fmt.Println(err)
}
