// A dashboard of WinDAGs as its skill describes one: a hook that feeds a store, and comes back for ever. It overwrites a node
// with what it is told, absent fields included; it knows no gate, no error and no edge, and says what a button says.
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { Board, SECOND, run, show } from './board.jsx';

function makeStore() {
  let state = { nodes: {}, mutations: [], cost: null, results: null };
  const readers = new Set();
  const change = (part) => {
    state = { ...state, ...part };
    for (const reader of readers) reader();
  };
  return {
    subscribe: (reader) => { readers.add(reader); return () => readers.delete(reader); },
    read: () => state,
    updateNodeData: (id, data) => change({ nodes: { ...state.nodes, [id]: { ...state.nodes[id], ...data } } }),
    applyMutation: (mutation) => change({ mutations: [...state.mutations, mutation] }),
    setCostState: (cost) => change({ cost }),
    setExecutionComplete: (results) => change({ results }),
  };
}

function useDagStream(dagId, store) {
  const socket = useRef(null);
  const failures = useRef(0);
  const connect = useCallback(() => {
    const ws = new WebSocket(`/api/dags/${encodeURIComponent(dagId)}/stream`);
    ws.onopen = () => { failures.current = 0; };
    ws.onmessage = ({ data }) => {
      const told = JSON.parse(data);
      if (told.type === 'node_state') {
        const { status, output, metrics } = told;
        store.updateNodeData(told.node_id, { status, output, metrics });
      } else if (told.type === 'cost_update') {
        store.setCostState({ spent: told.spent, budget: told.budget });
      } else if (told.type === 'dag_mutated') {
        store.applyMutation(told.mutation);
      } else if (told.type === 'execution_complete') {
        store.setExecutionComplete(told.results);
      }
    };
    ws.onclose = () => setTimeout(connect, Math.min(SECOND * 2 ** failures.current++, 30 * SECOND));
    socket.current = ws;
  }, [dagId, store]);
  useEffect(() => {
    connect();
    return () => socket.current?.close();
  }, [connect]);
  return useCallback((event) => socket.current?.send(JSON.stringify(event)), []);
}

const store = makeStore();

function Dashboard() {
  const send = useDagStream(run, store);
  const { nodes, mutations, cost, results } = useSyncExternalStore(store.subscribe, store.read);
  const decide = (decision) => () => send({ type: 'human_decision', node_id: 'deploy', decision, feedback: `${decision} it` });
  const command = (what) => () => send({ type: `${what}_execution` });
  return (
    <Board
      status={results ? 'complete' : 'watching'}
      nodes={nodes}
      facts={{ cost, results, metrics: nodes.build?.metrics, mutations: mutations.map((it) => it.mutation_type) }}
      actions={{ Approve: decide('approve'), Reject: decide('reject'), Pause: command('pause'), Resume: command('resume'), Cancel: command('cancel') }}
    />
  );
}

show(<Dashboard />);
