// What the React dashboards here look like: a status, nodes, lines, figures, and buttons for what a person may say.
import { createRoot } from 'react-dom/client';

/** The address of this page says what to show, and how fast the clock of its client goes. */
const asked = new URLSearchParams(location.search);
export const run = asked.get('run');
/** What these clients take for a second, in milliseconds. */
export const SECOND = Number(asked.get('second') ?? 1000);
/** Where the relay is, for clients that name it in full. */
export const origin = location.origin.replace('http', 'ws');
export const parameter = (name) => asked.get(name);

export const show = (dashboard) => createRoot(document.getElementById('root')).render(dashboard);

const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

export function Board({ status, nodes = {}, lines = [], facts = {}, actions = {} }) {
  return (
    <main>
      <h1 role="status">{status}</h1>
      <table>
        <tbody>
          {Object.entries(nodes).map(([id, node]) => (
            <tr key={id}><th>{id}</th><td>{node.status}</td><td>{shown(node.output)}</td></tr>
          ))}
        </tbody>
      </table>
      <ol role="log">{lines.map((line, at) => <li key={at}>{line}</li>)}</ol>
      <dl>
        {Object.entries(facts).map(([name, fact]) => (
          <div key={name} id={name}><dt>{name}</dt><dd>{shown(fact)}</dd></div>
        ))}
      </dl>
      {Object.entries(actions).map(([name, act]) => <button key={name} onClick={() => act()}>{name}</button>)}
    </main>
  );
}
