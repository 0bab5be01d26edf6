import { render } from 'preact';
import '../shared/base.css';
import './frame.css';
import './list.css';
import './call.css';
import './pbx.css';
import { App } from './app.tsx';

const root = document.getElementById('app');
if (root) render(<App />, root);
