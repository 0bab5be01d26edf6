/**
 * The snippets of docs/migration-kamailio.md: what stands there between the braces of each. Here they are checked and
 * run; `migration.test.ts` compares the texts.
 */
import type { DialogServerSession, Tandem } from 'tandem';

export interface Scene {
  /** A call of alice to 1000. */
  readonly call: DialogServerSession;
  readonly tandem: Tandem;
  readonly note: (what: unknown) => void;
}

type Snippet = (scene: Scene) => Promise<void> | void;

export const snippets = {
  dlg_manage: ({ call, tandem, note }) => {
    const dialog = tandem.registry.of(call); // there already, with the INVITE
    note([dialog?.hEntry, dialog?.hId]);
  },

  untracked: ({ call }) => {
    call.track(false); // this one not
  },

  is_known_dlg: ({ call, tandem, note }) => {
    const isKnown = tandem.registry.of(call) !== undefined;
    note(isKnown);
  },

  dlg_get: ({ call, tandem, note }) => {
    const dialog = tandem.registry.withCallId(call.callId)[0];
    const [caller, callee] = [dialog?.sides.caller?.tag ?? '', dialog?.sides.callee?.tag];
    const same = tandem.registry.find(call.callId, caller, callee); // Call-ID and tags, of either leg
    const byNumbers = tandem.registry.get(dialog?.hEntry ?? 0, dialog?.hId ?? 0); // as dlg.end_dlg has it
    note(same !== undefined && same === byNumbers);
  },

  dlg_bye: async ({ call, tandem }) => {
    await tandem.registry.of(call)?.bye('all'); // or 'caller', 'callee'; call.hangup() is that of one leg
  },

  dlg_refer: async ({ call, tandem, note }) => {
    // The outcome is that of the call which alice makes then; if it was answered, she got a BYE.
    const outcome = await tandem.registry.of(call)?.refer('caller', 'sip:bob@10.0.0.7');
    note(outcome?.status);
  },

  dlg_bridge: async ({ call, tandem }) => {
    await tandem.registry.of(call)?.bridge('caller', 'sip:bob@10.0.0.7', { headers: [['X-Reason', 'overflow']] });
  },

  bridge_dlg: async ({ tandem }) => {
    await tandem.registry.bridgeDlg('sip:alice@10.0.0.6', 'sip:bob@10.0.0.7', 'call'); // 'refer' is Kamailio's way
  },

  dlg_set_timeout: ({ call, tandem }) => {
    call.setTimeout(600); // seconds from now
    tandem.registry.get(1573, 8651)?.setTimeout(600); // another call, by h_entry and h_id
  },

  dlg_set_timeout_by_profile: ({ tandem }) => {
    tandem.registry.profiles.setTimeout('caller', 'sip:alice@10.0.0.6', 60);
  },

  dlg_setflag: ({ call }) => {
    call.flags.set(4);
  },

  dlg_resetflag: ({ call }) => {
    call.flags.reset(4);
  },

  dlg_isflagset: ({ call, note }) => {
    const isSet = call.flags.isSet(4);
    note(isSet);
  },

  dlg_set_property: ({ call, tandem }) => {
    tandem.registry.of(call)?.setProperty('ka-src'); // or 'ka-dst', 'timeout-noreset'
  },

  dlg_reset_property: ({ call, tandem }) => {
    tandem.registry.of(call)?.setProperty('ka-src', false);
  },

  set_dlg_profile: ({ call }) => {
    call.profiles.set('caller', `sip:${call.fromUser}@example.com`);
    call.profiles.set('inbound'); // one without value
  },

  unset_dlg_profile: ({ call }) => {
    call.profiles.unset('inbound');
  },

  is_in_profile: ({ call, note }) => {
    const isIn = call.profiles.isIn('caller', `sip:${call.fromUser}@example.com`);
    note(isIn);
  },

  get_profile_size: async ({ call }) => {
    if (call.profiles.size('caller', 'sip:alice@example.com') >= 2) return call.reject(486, 'Too Many Calls');
    await call.answer();
  },

  limit: async ({ call }) => {
    // The same in one step, which two INVITEs at once cannot both pass; it counts this call.
    if (!call.profiles.limit('caller', 'sip:alice@example.com', 2)) return call.reject(486, 'Too Many Calls');
    await call.answer();
  },

  dlg_var: ({ call, note }) => {
    call.variables.set('customer', 'acme'); // $dlg_var(customer) = "acme";
    const customer = call.variables.get('customer');
    call.variables.delete('customer'); // = $null
    note(customer);
  },

  dlg_get_var: ({ tandem, note }) => {
    const dialog = tandem.registry.withCallId('a84b4c76e66710@pc33.example.com')[0]; // of another call
    note(dialog?.variables.get('customer') ?? 'none');
  },

  dlg_set_var: ({ call, tandem }) => {
    for (const dialog of tandem.registry.withCallId(call.callId)) dialog.variables.set('customer', 'acme');
  },

  dlg_set_state: ({ call, tandem }) => {
    tandem.registry.of(call)?.setState(5); // for operators: nobody is told, and nothing is sent
  },

  dlg_update_state: ({ call, tandem, note }) => {
    const state = tandem.registry.of(call)?.state; // it follows our own transactions by itself
    note(state);
  },

  dlg_request_within: async ({ call, tandem, note }) => {
    const response = await tandem.registry.of(call)?.request('caller', 'INFO', {
      headers: [['Content-Type', 'text/plain']],
      body: Buffer.from('one minute left'),
    });
    note(response?.status);
  },

  event_route: ({ tandem, note }) => {
    tandem.registry.on('dialog:start', ({ dialog }) => note(`start ${dialog.fromUri}`));
    tandem.registry.on('dialog:end', ({ dialog, cause }) => note(`end ${dialog.endedBy} ${cause.by}`));
    tandem.registry.on('dialog:failed', ({ cause }) => note(`failed ${cause.status}`));
  },

  timeout_route: ({ call, tandem, note }) => {
    const dialog = tandem.registry.of(call);
    dialog?.setTimeout(5);
    if (!dialog) return;
    dialog.onTimeout = () => {
      note('one minute more');
      dialog.onTimeout = undefined;
      dialog.setTimeout(60);
    };
  },

  register_dlgcb: ({ call, tandem, note }) => {
    const stop = tandem.registry.on('confirmed', ({ dialog }) => note(dialog.state)); // of every call; stop() ends it
    tandem.registry.of(call)?.on('terminated', ({ cause }) => note(cause.by)); // of this call
    note(typeof stop);
  },

  DLG_count: ({ call, tandem, note }) => {
    const { active } = tandem.registry.statistics; // $DLG_count
    const { state, lifetime, fromUri, sides } = tandem.registry.of(call) ?? {}; // $dlg(state), …
    note([active, state, lifetime, fromUri, sides?.caller?.contact]);
  },
} satisfies Readonly<Record<string, Snippet>>;
