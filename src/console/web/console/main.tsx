import { render } from 'preact';
import '../shared/base.css';
import { Logo } from '../shared/logo.tsx';

render(<Logo href="#/" />, document.getElementById('app')!);
