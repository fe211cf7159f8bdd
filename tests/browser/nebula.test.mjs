// Dashboards of the nebula protocol, written from its description, against the relay: in plain HTML, and in Node.js.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import WebSocket from 'ws';
import { build } from './dashboards/build.mjs';
import { NebulaClient } from './dashboards/nebula-client.js';
import { Puppet, Relay, Starter, atEnd, close, event, launch, logged, news, nodeIs, open, planned, says, way } from './kit.mjs';

let pages;
before(async () => { [pages] = await Promise.all([build('nebula.js'), launch()]); });
after(() => Promise.all([pages.remove(), close()]));

const watch = async (page, execution) => {
  await page.getByLabel('Execution').fill(execution);
  await page.getByRole('button', { name: 'Watch' }).click();
};
const connect = async (page, token) => {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Connect' }).click();
  await says(page.locator('#connection'), 'Connected');
};
const lines = (card) => card.locator('.lines li').allInnerTexts();

describe('a dashboard of nebula', { concurrency: true }, () => {
  it('in HTML starts a workflow by REST, and follows it through a cut', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const line = await way(t, relay);
    const starter = new Starter(t, relay, 'nightly');
    const page = await open(t, `${line.url}/nebula.html?second=20`, { lost: true });
    await connect(page, 'a-token');
    await starter.ready();
    await page.getByLabel('Workflow').fill('nightly');
    await page.getByRole('button', { name: 'Execute workflow' }).click();
    const run = await starter.started();
    const card = page.getByRole('region', { name: run.execution_id });
    assert.deepEqual([run.workflow_id, run.payload], ['nightly', { rows: 12 }]);
    await starter.tell(
      planned('build', 'ship'),
      nodeIs('build', 'running'),
    );
    await says(card, '50% (1/2)');
    // Who subscribes is shown the state, and what comes: lines from then on.
    await starter.tell(logged('one', 'WARNING'));
    await says(card, 'build it: running');
    await says(card.locator('.lines'), 'one');

    line.cut();
    await starter.tell(nodeIs('build', 'completed'), logged('two'), ['flush', {}]);
    line.mend();
    await says(card, 'build it: completed');
    await says(card.locator('.lines'), 'two');
    assert.equal(page.said.filter((it) => it.type === 'subscribe').length, 1, 'it asks once');
    await starter.tell(logged('three', 'ERROR'), nodeIs('ship', 'completed'), event('executionFinished', { status: 'EXECUTION_STATUS_COMPLETED' }));
    await says(card, 'Status: completed');
    await says(card, '100% (2/2)');
    // With the end it asks for no more.
    await page.hears((all) => all.find((it) => it.type === 'unsubscribed'), 'it is never let go');
    const year = new Date().getFullYear();
    assert.deepEqual(await lines(card), ['one', 'two', 'three'].map((it) => `[${year}] ${it}`));
    assert.deepEqual(await card.locator('.lines li').evaluateAll((all) => all.map((it) => it.className)), ['warn', 'info', 'error']);
  });

  it('in HTML watches what its token names, after the relay has died too, and is told what can not be', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    await puppet.tell(['node', { node_id: 'build', status: 'running' }], ['flush', {}]);
    const page = await open(t, `${relay.url}/nebula.html?second=20`, { lost: true });
    await connect(page, 'a-token&subscribe=execution:run');
    await watch(page, 'run');
    const card = page.getByRole('region', { name: 'run' });
    await says(card, 'build: running');
    await relay.kill();
    await relay.start();
    await puppet.tell(['node', { node_id: 'build', status: 'failed', error: 'no' }], ['finish', { status: 'failed', error: 'no' }]);
    await says(card, 'Status: failed');
    await page.getByLabel('Workflow').fill('unheard-of');
    await page.getByRole('button', { name: 'Execute workflow' }).click();
    await says(page.locator('#connection'), /Not started: 4\d\d/);
  });

  it('in Node.js subscribes, comes back, starts, and goes', async (t) => {
    const relay = await Relay.start(t);
    const line = await way(t, relay);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    await puppet.tell(['graph', { nodes: ['build', 'ship'], edges: [] }], ['node', { node_id: 'build', status: 'running' }], ['flush', {}]);
    const told = [];
    const [updates, others, missing] = [news(), news(), news()];
    const meet = async (url, token, onother) => {
      const client = new NebulaClient(url.replace('http', 'ws'), token, { second: 50, WebSocket });
      client.onother = onother;
      atEnd(t, () => client.disconnect());
      await client.connect();
      return client;
    };
    const client = await meet(line.url, 'a-token', others.add);
    const mistaken = await meet(relay.url, 'another-token', missing.add);
    mistaken.subscribeToExecution('nowhere', () => {});
    const unsubscribe = client.subscribeToExecution('run', updates.add);
    client.subscribeToLogs('run', (it) => { told.push(it.message); updates.add(); });
    await updates.until((all) => all.at(-1)?.actions_executed[0]?.status === 'running', 'the first state');
    await puppet.tell(['log', { message: 'one' }]);
    await updates.until(() => told.length === 1, 'the first line');

    line.cut();
    await puppet.tell(['node', { node_id: 'build', status: 'completed' }], ['log', { message: 'two' }], ['flush', {}]);
    line.mend();
    await updates.until((all) => all.at(-1).actions_executed[0].status === 'completed', 'what it has missed');
    await updates.until(() => told.length === 2, 'the line that it has missed');
    client.send({ type: 'ping' });
    await others.until((all) => all.find((it) => it.type === 'pong'), 'a pong');

    client.send({ type: 'execute_workflow', workflow_id: 'unheard-of', input: {} });
    const refused = await others.until((all) => all.find((it) => it.type === 'error'), 'a refusal');
    assert.ok(refused.code && refused.message);
    const starter = new Starter(t, relay, 'nightly');
    await starter.ready();
    client.send({ type: 'execute_workflow', workflow_id: 'nightly', input: { rows: 12 } });
    const run = await starter.started();
    await others.until((all) => all.find((it) => it.type === 'subscribed' && it.id === run.execution_id), 'it watches what it has started');

    await puppet.tell(['node', { node_id: 'ship', status: 'completed' }], ['log', { message: 'three' }], ['finish', {}]);
    const end = await updates.until((all) => all.find((it) => it?.status === 'completed'), 'the end');
    assert.deepEqual(end.progress, { current_action: 2, total_actions: 2, percentage: 100 });
    await updates.until(() => told.length === 3, 'the last line');
    unsubscribe();
    await others.until((all) => all.find((it) => it.type === 'unsubscribed'), 'it is let go');
    assert.deepEqual(told, ['one', 'two', 'three']);
    // One that is not there yet may come at once; if not, this is said.
    const failed = await missing.until((all) => all.find((it) => it.type === 'error'), 'a subscription that fails');
    assert.equal(failed.code, 'SUBSCRIPTION_FAILED');
    assert.ok(updates.all.every((it) => Number.isInteger(it.progress.percentage)));
  });
});
