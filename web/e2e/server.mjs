// Starts the real server with an empty data directory and reads from it where it is and how to sign in.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS = 30_000;
const STOP_MS = 10_000;

const LINES = {
  url: /^Listening on (http:\/\/\S+)/,
  key: /^Admin key: (\S+)/,
  link: /^Sign-in link: (\S+)/,
};

export async function startServer(binary) {
  const dataDir = await mkdtemp(join(tmpdir(), 'neuraltrust-e2e-'));
  let running = await start(binary, dataDir, '127.0.0.1:0', ['url', 'key', 'link']).catch(async (error) => {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  });
  const { found } = running;
  return {
    ...found,
    /** Ends the server, leaves it down while `meanwhile` runs, and starts it again at the same address. */
    restart: async (meanwhile) => {
      await running.end();
      await meanwhile();
      running = await start(binary, dataDir, new URL(found.url).host, ['url']);
    },
    stop: async () => {
      await running.end();
      await rm(dataDir, { recursive: true, force: true });
    },
    log: () => running.log(),
  };
}

/** Starts the program and waits until it has said all that is wanted. */
async function start(binary, dataDir, listen, wanted) {
  const options = ['--listen', listen, '--grpc-listen', 'off', '--otlp-listen', 'off', '--data-dir', dataDir];
  // Settings of the developer's own server must not leak in.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NT_')));
  const child = spawn(binary, ['serve', ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  const found = {};

  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  };

  const ready = new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${why}\n${said.join('\n')}`));
    const timer = setTimeout(() => fail(`the server was not up after ${START_MS / 1000} s; it said:`), START_MS);
    child.once('error', (error) => fail(`cannot run ${binary}: ${error.message}`));
    child.once('exit', (code) => fail(`the server ended with code ${code}; it said:`));
    const read = (line) => {
      said.push(line);
      for (const [name, pattern] of Object.entries(LINES)) found[name] ??= pattern.exec(line)?.[1];
      if (wanted.some((name) => !found[name])) return;
      clearTimeout(timer);
      resolve();
    };
    createInterface({ input: child.stdout }).on('line', read);
    createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  });
  try {
    await ready;
  } catch (error) {
    await end();
    throw error;
  }
  return { found, end, log: () => said.join('\n') };
}
