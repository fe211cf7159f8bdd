// A dashboard of the nebula protocol in plain HTML: it connects with a token, starts a workflow by REST, and has a card for
// each execution. It reads `progress` and `actions_executed` without looking whether they are there.
import { NebulaClient } from './nebula-client.js';

const asked = new URLSearchParams(location.search);
const root = document.getElementById('root');
root.innerHTML = `
  <p id="connection">Disconnected</p>
  <label>Token <input id="token"></label><button id="connect">Connect</button>
  <label>Workflow <input id="workflow"></label><button id="execute" disabled>Execute workflow</button>
  <label>Execution <input id="execution"></label><button id="watch" disabled>Watch</button>
  <div id="cards"></div>`;
const at = (id) => document.getElementById(id);
let client = null;

at('connect').addEventListener('click', async () => {
  const second = Number(asked.get('second') ?? 1000);
  client = new NebulaClient(location.origin.replace('http', 'ws'), at('token').value, { second });
  try {
    await client.connect();
    at('connection').textContent = 'Connected';
    at('execute').disabled = at('watch').disabled = false;
  } catch {
    at('connection').textContent = 'Refused';
    client.disconnect();
  }
});

at('execute').addEventListener('click', async () => {
  const answer = await fetch(`${location.origin}/api/v1/workflows/${at('workflow').value}/execute`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ input: { rows: 12 } }),
  });
  const { execution_id: id } = await answer.json();
  if (id) watch(id);
  else at('connection').textContent = `Not started: ${answer.status}`;
});

at('watch').addEventListener('click', () => watch(at('execution').value));

function watch(id) {
  const card = document.createElement('section');
  card.setAttribute('aria-label', id);
  card.innerHTML = `<h2>${id}</h2><p class="status">Status: running</p><p class="percentage">0%</p><ul class="actions"></ul><ol class="lines"></ol>`;
  at('cards').append(card);
  const part = (name) => card.querySelector(`.${name}`);
  const unsubscribe = client.subscribeToExecution(id, (execution) => {
    part('status').textContent = `Status: ${execution.status}`;
    part('percentage').textContent = `${execution.progress.percentage}% (${execution.progress.current_action}/${execution.progress.total_actions})`;
    part('actions').innerHTML = '';
    for (const action of execution.actions_executed) {
      const took = action.duration_ms ? ` (${action.duration_ms}ms)` : '';
      part('actions').insertAdjacentHTML('beforeend', `<li><strong>${action.name}</strong>: ${action.status}${took}</li>`);
    }
    if (['completed', 'failed'].includes(execution.status)) unsubscribe();
  });
  client.subscribeToLogs(id, (log) => {
    const line = document.createElement('li');
    line.className = log.level;
    line.textContent = `[${new Date(log.timestamp).toISOString().slice(0, 4)}] ${log.message}`;
    part('lines').append(line);
  });
}
