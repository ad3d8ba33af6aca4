import '../shared/styles/tokens.css';
import '../shared/styles/base.css';
import '../shared/styles/leader.css';
import '../shared/styles/admin.css';
import { mount } from 'svelte';
import { start_lang } from '../shared/lang.svelte';
import App from './App.svelte';

start_lang();
mount(App, { target: document.getElementById('app')! });
