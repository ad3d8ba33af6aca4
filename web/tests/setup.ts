import { afterEach, vi } from 'vitest';
import { cleanup } from '@testing-library/svelte';
import { set_lang } from '../shared/lang.svelte';

// The drawing environment has no dialogs; open and close are enough for the tests.
HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) { this.open = true; };
vi.stubGlobal('scrollTo', () => undefined);

afterEach(() => {
  cleanup();
  set_lang('de', false);
  localStorage.clear();
});
