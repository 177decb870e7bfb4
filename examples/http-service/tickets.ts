/** The ids of groups count, so a client could guess another one's: what it is handed is an id that only this service can make. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export class Tickets {
  /** @param secret - the same in all processes of the service */
  constructor(private readonly secret: string) {}

  /** What a client gets in the place of an id. */
  of(id: string): string {
    return `${id}.${this.seal(id)}`;
  }

  /** The id of a ticket; undefined when it was not made here. */
  read(ticket: string): string | undefined {
    const at = ticket.lastIndexOf('.');
    const [id, seal] = [ticket.slice(0, at), Buffer.from(ticket.slice(at + 1))];
    const right = Buffer.from(this.seal(id));
    return seal.length === right.length && timingSafeEqual(seal, right) ? id : undefined;
  }

  private seal(id: string): string {
    return createHmac('sha256', this.secret).update(id).digest('base64url');
  }
}
