import { readClaim, readMetadata, writeMetadata, type Claim, type RunMetadata } from '../../src/hatchet/metadata';
import { claimToken } from '../../src/store/executions';
import { newSecret } from '../../src/store/group-store';

const claim: Claim = { groupId: 'block.1', entry: '7', token: 'abc', source: '' };
const metadata: RunMetadata = {
  signature: 'block.1~7',
  swarm: 'block.1',
  swarmName: 'nightly batch',
  index: '7',
  chain: '',
  root: '',
  callback: '',
  name: 'row 7',
  tags: [],
};
const engineParent = 'hatchet__parent_step_run_id';

test('what is written is read back', () => {
  const written = writeMetadata(metadata, claim);
  expect(readClaim(written)).toEqual(claim);
  expect(readMetadata(written)).toEqual(metadata);
});

test('tags are read back, and made-up ones are none', () => {
  expect(readMetadata(writeMetadata({ ...metadata, tags: ['a', 'b, "c"'] }, claim)).tags).toEqual(['a', 'b, "c"']);
  for (const text of ['', 'no JSON', '{}', '[1]']) expect(readMetadata({ 'mageflow.tags': text }).tags).toEqual([]);
});

test('a callback says whose end fired it', () => {
  const callback: Claim = { ...claim, entry: 'c0', source: 'g' };
  expect(readClaim(writeMetadata({ ...metadata, callback: 'error' }, callback))).toEqual(callback);
});

test('all keys are written, the unused ones empty, so that none is inherited from a parent run', () => {
  const empty = {
    signature: 's',
    swarm: '',
    swarmName: '',
    index: '',
    chain: '',
    root: '',
    callback: '',
    name: 'n',
    tags: [],
  } as const;
  const written = writeMetadata(empty, claim);
  expect(Object.keys(written).sort()).toEqual(Object.keys(writeMetadata(metadata, claim)).sort());
  const child = { ...writeMetadata(metadata, claim), ...written };
  expect(child).toMatchObject({ 'mageflow.swarm': '', 'mageflow.index': '', 'mageflow.swarm_name': '' });
});

describe("a run is mageflow's only if mageflow published it", () => {
  const written = writeMetadata(metadata, claim);

  test('metadata that a child run inherited claim nothing, whatever its parent is', () => {
    expect(readClaim({ ...written, [engineParent]: 'the-item-run' })).toBeUndefined();
  });

  test('a run published under a parent is recognised by that parent alone', () => {
    const child = { ...writeMetadata(metadata, claim), 'mageflow.parent': 'parent' };
    expect(readClaim({ ...child, [engineParent]: 'parent' })).toEqual(claim);
    expect(readClaim({ ...child, [engineParent]: 'another' })).toBeUndefined();
    expect(readClaim(child)).toBeUndefined();
  });

  test.each([[{}], [{ 'mageflow.claim': '' }], [{ 'mageflow.claim': 'one' }], [{ 'mageflow.claim': 'a b' }]])(
    '%p claims nothing',
    (given) => {
      expect(readClaim(given)).toBeUndefined();
    },
  );

  test.each([
    ['an id with braces', '} 0 abc '],
    ['an id with a NUL', 'a\0b 0 abc '],
    ['an id with a line end', 'a\nb 0 abc '],
    ['an id without end', `${'a'.repeat(10_001)} 0 abc `],
    ['no item', 'block.1 __proto__ abc '],
    ['a negative item', 'block.1 -1 abc '],
    ['a number that is written otherwise', 'block.1 1e9 abc '],
    ['a number beyond all items', `block.1 ${'9'.repeat(16)} abc `],
    ["the entry of a group's parent", 'block.1 p abc '],
    ['another group as its source', 'block.1 c0 abc block.2'],
    ['more than a claim', 'block.1 0 abc g g'],
  ])('%s claims nothing', (_, text) => {
    expect(readClaim({ 'mageflow.claim': text })).toBeUndefined();
  });
});

test('the proof of a claim depends on the secret and on the entry', () => {
  const secret = newSecret();
  expect(claimToken(secret, '1')).toBe(claimToken(secret, '1'));
  const tokens = [
    claimToken(secret, '1'),
    claimToken(secret, '2'),
    claimToken(secret, 'c1'),
    claimToken(newSecret(), '1'),
  ];
  expect(new Set(tokens).size).toBe(4);
});
