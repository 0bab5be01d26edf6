#!/usr/bin/env node
// The command line of kamcmd, for `docker exec … kamcmd dlg.briefing`: asks this server, prints what kamcmd prints.
import process from 'node:process';

const usage = `Usage: kamcmd [-s address] command [arguments]
Asks a running server, as Kamailio's kamcmd does; \`kamcmd help\` lists the commands. More: tandem --help
`;
const shown = { '-h': usage, '--help': usage };
const aliases = { help: 'system.listMethods', '?': 'system.listMethods', version: 'core.version' };

const options = [];
const words = process.argv.slice(2);
while (words.length > 0 && words[0].startsWith('-')) {
  const option = words.shift();
  if (shown[option]) {
    process.stdout.write(shown[option]);
    process.exit(0);
  }
  if (option.startsWith('-s') && (option.length > 2 || words.length > 0))
    options.push('-s', option.length > 2 ? option.slice(2) : words.shift());
  else if (option !== '-v') {
    process.stderr.write(`kamcmd: option ${option} is not one of this kamcmd (-h)\n`);
    process.exit(2);
  }
}
if (words.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}
const [name, ...rest] = words;
const command = name === 'help' && rest.length > 0 ? 'system.methodHelp' : (aliases[name] ?? name);
// `--` keeps arguments that begin with a dash, as a text may.
process.argv.splice(2, Infinity, command, ...options, '--', ...rest);
await import('./tandem.js');
