// Package footplate attaches an engine, a program that executes graphs, to a Footplate relay: what the engine states
// reaches the dashboards, and what people decide there reaches the engine, once.
//
//	engine, err := footplate.New("127.0.0.1:50051", footplate.WithProducerID("trainer"))
//	defer engine.Close(ctx)
//
//	err = engine.Run(ctx, "nightly-1", footplate.ExecutionSpec{Name: "Nightly"}, func(ctx context.Context, run *footplate.Execution) error {
//		run.Node(ctx, "deploy", footplate.NodeRunning)
//		gate, err := run.Gate(ctx, footplate.GateSpec{ID: "deploy:1", NodeID: "deploy", Title: "Deploy v12?", Payload: plan})
//		if err != nil {
//			return err
//		}
//		decision, err := gate.Wait(ctx)
//		if err != nil {
//			return err
//		}
//		return footplate.Apply(ctx, decision, plan, deploy)
//	})
//
// Everything may be called from any goroutine. A context bounds how long a call waits; a call that need not wait does not
// ask it. The messages of the protocol are in the package gen/footplate/v1.
package footplate
