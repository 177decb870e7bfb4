import { signal } from '@preact/signals';
import type { ChangeView, ProblemView } from '../wire';
import { getJson, problemOf, ServerError } from './api';

/** How the page is connected, for the mark at its top. */
export const connection = signal<{ state: 'connecting' | 'live' | 'away' | 'paused'; text?: string }>({
  state: 'connecting',
});

const hiddenMs = 5_000;
const pollMs = 5_000;
const streamAgainMs = 30_000;

/** What a page does with what it is told. */
interface Listener<T> {
  update(value: T): void;
  /** The group is not stored any more. */
  gone(): void;
}

type Told<T> = { value: T } | { gone: true } | { problem: string } | { hello: true };

/**
 * Follows something live: by an event stream while the page is visible. Tabs that look at the same share one stream, as far as
 * the browser lets them, because it opens only six connections to a host. Without a stream it asks every 5 s.
 */
export class Live<T extends object> {
  private readonly stopped = new AbortController();
  private readonly channel: BroadcastChannel | undefined;
  private value: T | undefined;
  private source: EventSource | undefined;
  private release: (() => void) | undefined;
  private request: AbortController | undefined;
  private hideTimer: ReturnType<typeof setTimeout> | undefined;
  private pollTimer: ReturnType<typeof setTimeout> | undefined;
  private streamTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param path - of the stream; without its `/events` it returns the same at once */
  constructor(
    private readonly address: { events: string; poll: string },
    private readonly listener: Listener<T>,
  ) {
    connection.value = { state: 'connecting' };
    if ('BroadcastChannel' in window) {
      this.channel = new BroadcastChannel(`mageflow ${address.events}`);
      this.channel.onmessage = ({ data }: MessageEvent<Told<T>>) => this.hear(data);
    }
    document.addEventListener('visibilitychange', () => this.visibilityChanged(), { signal: this.stopped.signal });
    if (document.visibilityState === 'visible') this.start();
  }

  stop(): void {
    this.stopped.abort();
    this.pause();
    this.channel?.close();
    clearTimeout(this.hideTimer);
  }

  private visibilityChanged(): void {
    clearTimeout(this.hideTimer);
    if (document.visibilityState === 'visible') {
      if (!this.request) this.start();
      return;
    }
    this.hideTimer = setTimeout(() => {
      this.pause();
      connection.value = { state: 'paused' };
    }, hiddenMs);
  }

  /** Becomes the tab with the stream, or listens to it. */
  private start(): void {
    const request = new AbortController();
    this.request = request;
    this.tell({ hello: true });
    if (!('locks' in navigator) || !this.channel) return this.open();
    navigator.locks
      .request(`mageflow ${this.address.events}`, { signal: request.signal }, () => {
        if (request.signal.aborted) return undefined;
        this.open();
        return new Promise<void>((resolve) => (this.release = resolve));
      })
      .catch(() => undefined);
  }

  private pause(): void {
    this.request?.abort();
    this.request = undefined;
    this.source?.close();
    this.source = undefined;
    this.release?.();
    this.release = undefined;
    clearTimeout(this.pollTimer);
    clearTimeout(this.streamTimer);
  }

  private open(): void {
    const source = new EventSource(this.address.events);
    this.source = source;
    const on = <D>(name: string, take: (data: D) => void) =>
      source.addEventListener(name, (event) => {
        clearTimeout(this.pollTimer);
        take(JSON.parse((event as MessageEvent<string>).data) as D);
      });
    on<T>('snapshot', (value) => this.say({ value }));
    on<ChangeView>('change', ({ set, unset }) => {
      const value = { ...this.value, ...set } as Record<string, unknown>;
      for (const field of unset) delete value[field];
      this.say({ value: value as T });
    });
    on<ProblemView>('problem', ({ error }) => this.say({ problem: error }));
    on('recovered', () => this.value && this.say({ value: this.value }));
    on('gone', () => {
      source.close();
      this.say({ gone: true });
    });
    source.onerror = () => {
      if (this.source !== source) return;
      this.say({ problem: 'The connection is lost. Trying again …' });
      // The browser connects again by itself, unless the server has said no.
      if (source.readyState === EventSource.CLOSED) {
        this.poll();
        this.streamTimer = setTimeout(() => {
          clearTimeout(this.pollTimer);
          if (this.source === source) this.open();
        }, streamAgainMs);
      }
    };
  }

  private poll(): void {
    clearTimeout(this.pollTimer);
    getJson<T>(this.address.poll, this.stopped.signal).then(
      (value) => this.source && this.say({ value }),
      (error: unknown) => {
        if (!this.source) return;
        if (error instanceof ServerError && error.status === 404) this.say({ gone: true });
        else this.say({ problem: problemOf(error) });
      },
    );
    this.pollTimer = setTimeout(() => this.poll(), pollMs);
  }

  /** Takes what the stream has told, and tells the other tabs. */
  private say(told: Told<T>): void {
    this.take(told);
    this.tell(told);
  }

  private tell(told: Told<T>): void {
    this.channel?.postMessage(told);
  }

  private hear(told: Told<T>): void {
    if (!('hello' in told)) this.take(told);
    else if (this.source && this.value) this.tell({ value: this.value });
  }

  private take(told: Told<T>): void {
    if ('value' in told) {
      this.value = told.value;
      connection.value = { state: 'live' };
      this.listener.update(told.value);
    } else if ('problem' in told) connection.value = { state: 'away', text: told.problem };
    else if ('gone' in told) this.listener.gone();
  }
}
