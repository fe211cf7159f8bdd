// The hook that stage 5 advertises, with callbacks that stay the same, as its README would have them. It comes through its
// first connection well. After one that is lost, its effect depends on what its own connections change: it closes a socket
// of its own, opens another, and the close of the first opens one more, for ever; some of them it forgets, open. All of them
// call the one callback. What that is called with stays in `calls`.
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Board, SECOND, origin, run, show } from './board.jsx';

function useResilientWebSocket({ runId, onMessage, onConnectionChange, most = 999, first = SECOND, last = 30 * SECOND, heartbeat = 30 * SECOND }) {
  const [connected, setConnected] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const socket = useRef(null);
  const pings = useRef(null);
  const timer = useRef(null);
  const seen = useRef(0);

  const connect = useCallback(() => {
    const ws = new WebSocket(`${origin}/ws/${runId}`);
    socket.current = ws;
    ws.onopen = () => {
      setConnected(true);
      onConnectionChange(true);
      if (seen.current > 0) ws.send(JSON.stringify({ type: 'request_state', since: seen.current }));
      setAttempt(0);
      clearInterval(pings.current);
      pings.current = setInterval(() => {
        if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ type: 'ping' }));
      }, heartbeat);
    };
    ws.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      seen.current = Date.now();
      if (event.event_type !== 'pong') onMessage(event);
    };
    ws.onclose = () => {
      setConnected(false);
      onConnectionChange(false);
      clearInterval(pings.current);
      if (attempt >= most) return;
      timer.current = setTimeout(() => {
        setAttempt((it) => it + 1);
        connect();
      }, Math.min(first * 2 ** attempt, last));
    };
  }, [runId, onMessage, onConnectionChange, attempt, most, first, last, heartbeat]);

  useEffect(() => {
    connect();
    return () => {
      clearTimeout(timer.current);
      clearInterval(pings.current);
      socket.current?.close(1000, 'Component unmounted');
    };
  }, [connect]);
  return { connected };
}

function Dashboard() {
  const [lines, setLines] = useState([]);
  const [dollars, setDollars] = useState(0);
  const calls = useMemo(() => (window.calls = []), []);
  const onMessage = useCallback((event) => {
    calls.push(event);
    if (event.event_type === 'agent_message') setLines((all) => [...all, event.data.message]);
    if (event.event_type === 'cost_update') setDollars((all) => all + event.data.cost_usd);
  }, [calls]);
  const onConnectionChange = useCallback(() => {}, []);
  const { connected } = useResilientWebSocket({ runId: run, onMessage, onConnectionChange });
  return <Board status={connected ? 'connected' : 'not connected'} lines={lines} facts={{ cost: dollars.toFixed(4), lines: lines.length }} />;
}

show(<Dashboard />);
