package footplate_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	footplate "github.com/footplate/footplate/clients/go"
)

// How long anything may take before it counts as never.
const patience = 60 * time.Second

// program is where cargo puts what these tests run, unless a variable names another place.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		target := os.Getenv("CARGO_TARGET_DIR")
		if target == "" {
			target = filepath.Join("..", "..", "target")
		}
		path = filepath.Join(target, "debug", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("there is no program %s: run scripts/go.sh, which builds it, or name another with %s", path, variable)
	}
	return path
}

// process is a running program of ours whose lines are read as they come.
type process struct {
	command *exec.Cmd
	input   io.WriteCloser

	mu    sync.Mutex
	lines []string
	news  chan struct{}
	ended bool
}

func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{command: exec.Command(path, args...), news: make(chan struct{})}
	// Not what would change the relay's settings.
	p.command.Env = slices.DeleteFunc(os.Environ(), func(one string) bool { return strings.HasPrefix(one, "FOOTPLATE_") })
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.command.Stdout, p.command.Stderr = write, write
	if p.input, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			p.heard(lines.Text(), false)
		}
		read.Close()
		p.heard("", true)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
		<-done
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("the last words of %s:\n%s", path, strings.Join(p.lines[max(len(p.lines)-30, 0):], "\n"))
		}
	})
	return p
}

func (p *process) heard(line string, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ended {
		p.ended = true
	} else {
		p.lines = append(p.lines, line)
	}
	close(p.news)
	p.news = make(chan struct{})
}

// wait for lines that the condition takes.
func (p *process) wait(t *testing.T, what string, condition func(lines []string) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		p.mu.Lock()
		found, ended, news := condition(p.lines), p.ended, p.news
		p.mu.Unlock()
		switch {
		case found:
			return
		case ended:
			t.Fatalf("%s: it has ended", what)
		}
		select {
		case <-news:
		case <-timeout:
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

// relay is `footplate serve`.
type relay struct {
	*process
	t               *testing.T
	engines, viewer string
	authority       *authority
	client          *http.Client
}

// serve starts a relay. Both addresses are where it listens; a port of 0 is any.
func serve(t *testing.T, engines, viewers string, tls *authority) *relay {
	t.Helper()
	args := []string{
		"serve", "--log-format", "json", "--log", "info,footplate=debug", "--admin-listen", "none",
		"--viewer-listen", viewers, "--engine-listen", engines,
	}
	if tls != nil {
		args = append(args, "--engine-tls-cert", tls.cert, "--engine-tls-key", tls.key)
	}
	r := &relay{process: start(t, program(t, "FOOTPLATE_BINARY", "footplate"), args...), t: t, authority: tls}
	r.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r.wait(t, "the doors don't open", func(lines []string) bool {
		for _, line := range lines {
			var record struct{ Message, Door, Address string }
			if json.Unmarshal([]byte(line), &record) != nil || record.Message != "listening" {
				continue
			}
			switch record.Door {
			case "engine":
				r.engines = record.Address
			case "viewer":
				r.viewer = record.Address
			}
		}
		return r.engines != "" && r.viewer != ""
	})
	return r
}

func plainRelay(t *testing.T) *relay {
	return serve(t, "127.0.0.1:0", "127.0.0.1:0", nil)
}

// kill ends it as a power cut would.
func (r *relay) kill() {
	r.t.Helper()
	if err := r.command.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	_ = r.command.Wait()
}

// restart has it come back where it was.
func (r *relay) restart() *relay {
	r.t.Helper()
	return serve(r.t, r.engines, r.viewer, r.authority)
}

type object = map[string]any

func (r *relay) http(method, path string, body any) (int, object) {
	r.t.Helper()
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			r.t.Fatal(err)
		}
	}
	request, err := http.NewRequest(method, "http://"+r.viewer+path, &text)
	if err != nil {
		r.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, answer
}

// state is the execution's, as the relay has it now.
func (r *relay) state(id string) object {
	r.t.Helper()
	_, snapshot := r.http("GET", "/v1/executions/"+id, nil)
	state, _ := snapshot["state"].(object)
	return state
}

// until asks for the state again until the condition holds.
func (r *relay) until(id, what string, condition func(state object) bool) object {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		state := r.state(id)
		if condition(state) {
			return state
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not in %v: %v", what, patience, state)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// records are those that are retained, oldest first.
func (r *relay) records(id, kind string) []object {
	r.t.Helper()
	_, answer := r.http("GET", "/v1/executions/"+id+"/records", nil)
	var all []object
	for _, record := range list(answer, "records") {
		if record["type"] == kind {
			all = append(all, record)
		}
	}
	return all
}

func (r *relay) decide(id, gateID, decisionID, optionID string, more object) {
	r.t.Helper()
	body := object{"decision_id": decisionID, "gate_version": 1, "option_id": optionID}
	for key, value := range more {
		body[key] = value
	}
	status, receipt := r.http("POST", "/v1/executions/"+id+"/gates/"+gateID+"/decisions", body)
	if status != 202 && status != 200 || receipt["type"] != "receipt" {
		r.t.Fatalf("the decision got %d %v", status, receipt)
	}
}

func (r *relay) order(id, kind, commandID string) {
	r.t.Helper()
	body := object{"type": kind, "command_id": commandID}
	if status, receipt := r.http("POST", "/v1/executions/"+id+"/commands", body); status != 202 {
		r.t.Fatalf("the command got %d %v", status, receipt)
	}
}

// delivered waits until the gate's decision has come so far.
func (r *relay) delivered(id, gateID, stage string) object {
	r.t.Helper()
	var found object
	r.until(id, gateID+" is "+stage, func(state object) bool {
		found = one(list(state, "gates"), "gate_id", gateID)
		return found["delivery"] == stage
	})
	return found
}

func list(in object, key string) []object {
	var all []object
	values, _ := in[key].([]any)
	for _, value := range values {
		all = append(all, value.(object))
	}
	return all
}

// one of several, by a field.
func one(all []object, key string, value any) object {
	for _, it := range all {
		if it[key] == value {
			return it
		}
	}
	return nil
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// attach makes an engine that hurries, and that the test closes if it does not do so itself.
func attach(t *testing.T, target string, more ...footplate.Option) *footplate.Engine {
	t.Helper()
	options := append([]footplate.Option{
		footplate.WithProducerID("test"),
		footplate.WithBackoff(5*time.Millisecond, 50*time.Millisecond),
		footplate.WithLogger(slog.New(slog.DiscardHandler)),
		footplate.WithCapabilities(footplate.Pause, footplate.Resume, footplate.Cancel),
	}, more...)
	engine, err := footplate.New(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = engine.Close(ctx)
	})
	return engine
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must is for what returns something besides.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		ok(t, err)
		return value
	}
}

// authority vouches for a door on localhost, to those who trust it.
type authority struct {
	cert, key string
	trusted   credentials.TransportCredentials
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	folder := t.TempDir()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}
	}
	caKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	ca := template(1, "an authority of these tests")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER := must(x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey))(t)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	leaf := template(2, "localhost")
	leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	certDER := must(x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey))(t)
	keyDER := must(x509.MarshalPKCS8PrivateKey(key))(t)
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(folder, name)
		ok(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	trusted := must(credentials.NewClientTLSFromFile(file("ca.pem", "CERTIFICATE", caDER), ""))(t)
	return &authority{
		cert: file("cert.pem", "CERTIFICATE", certDER), key: file("key.pem", "PRIVATE KEY", keyDER), trusted: trusted,
	}
}

// cutter is a network between an engine and its relay whose connections break.
type cutter struct {
	listener net.Listener
	to       string
	// How many bytes the next connection lets through to the relay before it breaks; 0 is no bound.
	mu    sync.Mutex
	next  []int64
	conns int
}

func newCutter(t *testing.T, to string, breaks ...int64) *cutter {
	t.Helper()
	c := &cutter{listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), to: to, next: breaks}
	var all sync.WaitGroup
	t.Cleanup(func() {
		c.listener.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			near, err := c.listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { c.pass(near) })
		}
	})
	return c
}

func (c *cutter) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer far.Close()
	c.mu.Lock()
	c.conns++
	var most int64
	if len(c.next) > 0 {
		most, c.next = c.next[0], c.next[1:]
	}
	c.mu.Unlock()
	go func() {
		_, _ = io.Copy(near, far)
		near.Close()
	}()
	if most == 0 {
		_, _ = io.Copy(far, near)
	} else {
		_, _ = io.CopyN(far, near, most)
	}
}

func (c *cutter) target() string { return c.listener.Addr().String() }

func (c *cutter) connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conns
}

func say(format string, args ...any) string { return fmt.Sprintf(format, args...) }
