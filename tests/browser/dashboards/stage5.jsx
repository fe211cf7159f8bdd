// A dashboard of stage 5 around a provider, as its real one is: it says first what is to be done, again on each connection,
// and then what it has seen; it comes back after a second for ever, adds up costs, and asks for approvals in a dialog.
import { createContext, useCallback, useContext, useEffect, useReducer, useRef } from 'react';
import { Board, SECOND, origin, parameter, run, show } from './board.jsx';

const NOTHING = { connected: false, status: 'draft', nodes: {}, edges: 0, lines: [], dollars: 0, tokens: 0, approval: null, results: null, errors: [] };

/** What one event makes of what is shown. */
function reduce(state, { event_type: type, data }) {
  switch (type) {
    case '_connected': return { ...state, connected: data };
    case 'workflow_started': return { ...state, status: 'executing', task: data.task_description };
    case 'workflow_state_changed': return { ...state, status: data.status };
    case 'workflow_paused': return { ...state, status: 'paused' };
    case 'workflow_resumed': return { ...state, status: 'executing' };
    case 'workflow_completed': return { ...state, status: 'completed', results: data.results };
    case 'workflow_failed': return { ...state, status: 'failed', errors: [...state.errors, data.error] };
    case 'dag_created':
    case 'dag_updated': {
      const nodes = Object.fromEntries(data.nodes.map((it) => [it.id, it]));
      return { ...state, nodes, edges: data.edges.length };
    }
    case 'dag_node_status_changed': {
      const node = state.nodes[data.node_id];
      return node ? { ...state, nodes: { ...state.nodes, [data.node_id]: { ...node, status: data.new_status } } } : state;
    }
    case 'agent_message': return { ...state, lines: [...state.lines, `${data.agent}: ${data.message}`] };
    case 'cost_update': return { ...state, dollars: state.dollars + data.cost_usd, tokens: state.tokens + data.tokens };
    case 'approval_requested': return { ...state, approval: { id: data.approval_id, message: data.message, options: data.options.map((it) => it) } };
    case 'approval_received': return { ...state, approval: null, resolution: data.resolution };
    case 'error_occurred': return { ...state, errors: [...state.errors, `${data.error_type}: ${data.message}`] };
    default: return state;
  }
}

const Connection = createContext(null);

function WebSocketProvider({ runId, task, config, children }) {
  const [state, dispatch] = useReducer(reduce, NOTHING);
  const socket = useRef(null);
  const seen = useRef(0);
  useEffect(() => {
    let timer, pings, over = false;
    const connect = () => {
      const ws = new WebSocket(`${origin}/ws/${runId}`);
      socket.current = ws;
      ws.onopen = () => {
        dispatch({ event_type: '_connected', data: true });
        if (task) ws.send(JSON.stringify({ task, config }));
        if (seen.current) ws.send(JSON.stringify({ type: 'request_state', since: seen.current }));
        pings = setInterval(() => { if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ type: 'ping' })); }, 30 * SECOND);
      };
      ws.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.event_type === 'pong') return;
        seen.current = new Date(event.timestamp).getTime();
        if (event.event_type === 'workflow_completed') over = true;
        dispatch(event);
      };
      ws.onclose = () => {
        clearInterval(pings);
        dispatch({ event_type: '_connected', data: false });
        if (!over) timer = setTimeout(connect, SECOND);
      };
    };
    connect();
    return () => {
      over = true;
      clearTimeout(timer);
      socket.current.close();
    };
  }, [runId, task, config]);
  const say = useCallback((message) => socket.current.send(JSON.stringify(message)), []);
  return <Connection.Provider value={{ state, say }}>{children}</Connection.Provider>;
}

function Dashboard() {
  const { state, say } = useContext(Connection);
  const { status, nodes, lines, connected, approval, dollars, tokens, edges, resolution, results, errors, task } = state;
  const resolve = (words) => () => say({ type: 'resolve_approval', approval_id: parameter('approval'), resolution: words, feedback: `${words} it` });
  const command = (type) => () => say({ type, run_id: run });
  return (
    <>
      <Board
        status={status}
        nodes={nodes}
        lines={lines}
        facts={{ connected, cost: dollars.toFixed(4), tokens, edges, resolution, results, errors, task }}
        actions={{ Pause: command('pause'), Resume: command('resume'), Cancel: command('cancel'), Approve: resolve('approve'), Reject: resolve('reject') }}
      />
      {approval && <dialog open><p>{approval.message}</p>{approval.options.map((it) => <em key={it}>{it} </em>)}</dialog>}
    </>
  );
}

const config = { model: 'small-1' };
show(<WebSocketProvider runId={run} task={parameter('task')} config={config}><Dashboard /></WebSocketProvider>);
