// The TypeScript client's viewer for browsers, unmodified, on a page of another origin that the operator allows.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { PATIENCE, Puppet, Relay, close, launch, root, says } from './kit.mjs';

let browser;
before(async () => { browser = await launch(); });
after(close);

test('the example watches, decides, and comes back after its relay', async (t) => {
  const text = await readFile(path.join(root, 'clients/typescript/examples/viewer.html'));
  const server = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(text));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const origin = `http://localhost:${server.address().port}`;

  const relay = await Relay.start(t, '--allow-origin', origin);
  const puppet = new Puppet(t, relay, 'x1', 'Example');
  await puppet.tell(['node', { node_id: 'build', status: 'running' }], ['log', { message: '<b>first</b>' }]);

  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const thrown = [];
  page.on('pageerror', (error) => thrown.push(error.message));
  await page.goto(`${origin}/?url=${encodeURIComponent(`${relay.url.replace('http', 'ws')}/v1/stream`)}&execution=x1`);
  await says(page.locator('#nodes'), 'build: running');
  await puppet.tell(['log', { message: '<b>second</b>' }]);
  await says(page.locator('#log'), 'info: <b>second</b>');

  await puppet.tell(['gate', { gate_id: 'ship:1', title: 'Ship it?' }], ['consume', { gate_id: 'ship:1' }]);
  await page.getByRole('button').first().click();
  await says(page.locator('#log'), 'receipt: recorded');
  await says(page.locator('#log'), 'receipt: applied');
  await says(page.locator('#gates'), /Ship it\?: decided applied/);
  assert.equal((await puppet.outcome('ship:1')).gate_id, 'ship:1');

  await relay.kill();
  await says(page.getByRole('status'), 'reconnecting');
  await relay.start();
  await puppet.tell(['node', { node_id: 'build', status: 'completed' }]);
  await says(page.locator('#nodes'), 'build: completed');
  await says(page.getByRole('status'), /x1, record \d+/);
  assert.deepEqual(thrown, []);
});

test('a page that nobody has allowed is refused', async (t) => {
  const relay = await Relay.start(t);
  const server = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<title>foreign</title>'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://localhost:${server.address().port}/`);
  const opened = await page.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url, 'footplate.v1');
    socket.onopen = () => resolve(true);
    socket.onclose = () => resolve(false);
  }), `${relay.url.replace('http', 'ws')}/v1/stream`);
  assert.equal(opened, false);
  // The relay is there for its own page.
  assert.equal((await fetch(`${relay.url}/readyz`)).status, 200);
});
