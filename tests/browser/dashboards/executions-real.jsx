// A dashboard of the program that the executions API came from: it pings with a bare word, comes back five times after
// 10, 20 … 60 s of its clock, counts anew once it is open, and takes 1000 for the end.
import { useEffect, useRef, useState } from 'react';
import { Board, SECOND, origin, parameter, run, show } from './board.jsx';

const MOST = 5;

function useWebSocket({ executionId, token, onStatus, onNodeUpdate, onLog, onCompletion, onError }) {
  const [isConnected, setIsConnected] = useState(false);
  const attempts = useRef(0);
  const handlers = useRef({});
  handlers.current = { onStatus, onNodeUpdate, onLog, onCompletion, onError };
  useEffect(() => {
    let ws, timer, pings, over = false;
    const connect = () => {
      const query = token ? `?token=${encodeURIComponent(token)}` : '';
      ws = new WebSocket(`${origin}/ws/executions/${executionId}${query}`);
      ws.onopen = () => {
        attempts.current = 0;
        setIsConnected(true);
        pings = setInterval(() => { if (ws.readyState === WebSocket.OPEN) ws.send('ping'); }, 25 * SECOND);
      };
      ws.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        const call = handlers.current;
        if (message.type === 'status') call.onStatus(message.status);
        else if (message.type === 'node_update') call.onNodeUpdate(message.node_id, message.node_state);
        else if (message.type === 'log') call.onLog(message.log);
        else if (message.type === 'completion') call.onCompletion(message.result);
        else if (message.type === 'error') call.onError(message.error);
      };
      ws.onclose = ({ code }) => {
        clearInterval(pings);
        setIsConnected(false);
        if (over || code === 1000 || attempts.current >= MOST) return;
        attempts.current += 1;
        timer = setTimeout(connect, Math.min(10 * attempts.current, 60) * SECOND);
      };
    };
    connect();
    return () => {
      over = true;
      clearTimeout(timer);
      clearInterval(pings);
      ws.close(1000, 'Component unmounted');
    };
  }, [executionId, token]);
  return { isConnected };
}

const COLOURS = { DEBUG: 'grey', INFO: 'black', WARNING: 'orange', ERROR: 'red' };

function Dashboard() {
  const [status, setStatus] = useState('pending');
  const [nodes, setNodes] = useState({});
  const [lines, setLines] = useState([]);
  const [result, setResult] = useState(null);
  const [error, setError] = useState(null);
  const { isConnected } = useWebSocket({
    executionId: run,
    token: parameter('token'),
    onStatus: setStatus,
    onNodeUpdate: (id, node) => setNodes((all) => ({ ...all, [id]: node })),
    onLog: (log) => setLines((all) => [...all, log]),
    onCompletion: (it) => { setResult(it); setStatus(it.status === 'failed' || it.error ? 'failed' : 'completed'); },
    onError: (it) => { setError(typeof it === 'string' ? it : JSON.stringify(it)); setStatus('failed'); },
  });
  // As that program shows a line: a colour for its level, and the time of day.
  const line = (it) => `${COLOURS[it.level]}: ${Number.isNaN(new Date(it.timestamp).getTime()) ? 'Invalid Date' : 'dated'}: ${it.message}`;
  return <Board status={status} nodes={nodes} lines={lines.map(line)} facts={{ result, error, isConnected }} />;
}

show(<Dashboard />);
