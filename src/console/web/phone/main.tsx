import { render } from 'preact';
import '../shared/base.css';
import './phone.css';
import { Agent } from './agent.ts';
import { App } from './app.tsx';
import { loadConfig } from './config.ts';
import { watchNetwork } from './network.ts';
import { Phone } from './phone.ts';

const config = await loadConfig();
const agent = new Agent(config);
const phone = new Phone(agent);
watchNetwork(() => agent.networkChanged());

addEventListener('beforeunload', (event) => {
  if (agent.calls.some(({ state }) => state === 'active')) event.preventDefault();
});
// A page that goes ends its calls: nobody could hang them up.
addEventListener('pagehide', () => agent.unregister());

render(<App phone={phone} servers={config.servers} />, document.getElementById('app')!);
