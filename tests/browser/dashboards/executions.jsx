// The React hook of the guide to the executions API: it listens, once. It neither pings nor comes back.
import { useEffect, useState } from 'react';
import { Board, origin, run, show } from './board.jsx';

function useExecutionStream(executionId) {
  const [status, setStatus] = useState('pending');
  const [nodeStates, setNodeStates] = useState({});
  const [logs, setLogs] = useState([]);
  const [error, setError] = useState(null);
  useEffect(() => {
    if (!executionId) return undefined;
    const ws = new WebSocket(`${origin}/api/ws/executions/${executionId}`);
    ws.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      switch (message.type) {
        case 'status': setStatus(message.status); break;
        case 'node_update': setNodeStates((all) => ({ ...all, [message.node_id]: message.node_state })); break;
        case 'log': setLogs((all) => [...all, message.log]); break;
        case 'completion': setStatus('completed'); break;
        case 'error': setError(message.error); setStatus('failed'); break;
        default:
      }
    };
    ws.onerror = () => setError('WebSocket connection error');
    return () => ws.close();
  }, [executionId]);
  return { status, nodeStates, logs, error };
}

function Dashboard() {
  const { status, nodeStates, logs, error } = useExecutionStream(run);
  return <Board status={status} nodes={nodeStates} lines={logs.map((it) => `${it.level}: ${it.message}`)} facts={{ error }} />;
}

show(<Dashboard />);
