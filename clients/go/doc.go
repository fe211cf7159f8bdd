// Package footplate attaches an engine, a program that executes graphs, to a Footplate relay: what the engine states
// reaches the dashboards, and what people decide there reaches the engine, once.
//
// Everything may be called from any goroutine. A context bounds how long a call waits; a call that need not wait does not
// ask it. The messages of the protocol are in the package gen/footplate/v1.
package footplate
