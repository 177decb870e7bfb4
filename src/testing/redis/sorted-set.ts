import type { Bytes } from './bytes';

export interface Member {
  member: Bytes;
  score: number;
}

/** Members in the order of their scores, those of one score in the order of their bytes. */
export class SortedSet {
  private readonly scores = new Map<Bytes, number>();
  private readonly members: Member[] = [];

  get size(): number {
    return this.scores.size;
  }

  score(member: Bytes): number | undefined {
    return this.scores.get(member);
  }

  set(member: Bytes, score: number): void {
    const before = this.scores.get(member);
    if (before === score) return;
    this.delete(member);
    this.scores.set(member, score);
    this.members.splice(this.placeOf({ member, score }), 0, { member, score });
  }

  delete(member: Bytes): boolean {
    const score = this.scores.get(member);
    if (score === undefined) return false;
    this.scores.delete(member);
    this.members.splice(this.placeOf({ member, score }), 1);
    return true;
  }

  /** Returns the members at these places, the last one not included. */
  slice(from = 0, to = this.members.length): Member[] {
    return this.members.slice(from, to);
  }

  /** Returns the number of members whose score is below a limit, or is the limit if `orEqual`. */
  countBelow(limit: number, orEqual: boolean): number {
    return this.search(({ score }) => score < limit || (orEqual && score === limit));
  }

  private placeOf({ member, score }: Member): number {
    return this.search((other) => other.score < score || (other.score === score && other.member < member));
  }

  /** Returns the number of members at the front of which something holds. */
  private search(holds: (member: Member) => boolean): number {
    let from = 0;
    let to = this.members.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const at = this.members[middle];
      if (at && holds(at)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
