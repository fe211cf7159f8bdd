// The Vue composable of the guide to the executions API. It knows no `completion`: an end is a `status`, or an `error`.
import { createApp, h, onMounted, onUnmounted, ref } from 'vue';

function useExecutionStream(executionId) {
  const status = ref('pending');
  const nodeStates = ref({});
  const logs = ref([]);
  const error = ref(null);
  let ws = null;
  onMounted(() => {
    ws = new WebSocket(`${location.origin.replace('http', 'ws')}/api/ws/executions/${executionId}`);
    ws.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      switch (message.type) {
        case 'status': status.value = message.status; break;
        case 'node_update': nodeStates.value[message.node_id] = message.node_state; break;
        case 'log': logs.value.push(message.log); break;
        case 'error':
          error.value = message.error;
          status.value = 'failed';
          break;
        default:
      }
    };
  });
  onUnmounted(() => ws?.close());
  return { status, nodeStates, logs, error };
}

const run = new URLSearchParams(location.search).get('run');
createApp({
  setup() {
    const { status, nodeStates, logs, error } = useExecutionStream(run);
    const row = ([id, node]) => h('tr', { key: id }, [h('th', id), h('td', node.status), h('td', JSON.stringify(node.output))]);
    return () => h('main', [
      h('h1', { role: 'status' }, status.value),
      h('table', h('tbody', Object.entries(nodeStates.value).map(row))),
      h('ol', { role: 'log' }, logs.value.map((it, at) => h('li', { key: at }, `${it.level}: ${it.message}`))),
      h('div', { id: 'error' }, error.value ?? 'null'),
    ]);
  },
}).mount('#root');
