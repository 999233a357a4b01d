/**
 * The anchor: heads of the chains, kept where nobody who may write to the database can change them. A file
 * gets a line for each head; a directory a file for each, created exclusively, so that it may lie on a
 * write-once mount. One anchor belongs to one database.
 *
 * Written after the cycle has ended. Should that fail, nothing is lost: the next head commits to all of
 * the chain, and until then `lethe verify` says that the tail is not anchored.
 */
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { openWorkerPool, type Queryable } from '../db/cycle.ts'
import { toLetheError } from '../db/errors.ts'
import { evidenceHeads, type Head } from '../db/evidence.ts'
import { LetheError } from '../errors.ts'

/** What an anchor holds. */
export interface Anchor {
  /** One head a line, as `lethe.verify_evidence` takes it. */
  text: string
  /** Where each line comes from: `line 3`, or a file's name. */
  sources: string[]
}

const anchored = z.object({ controller: z.string(), chain: z.string(), number: z.number(), hash: z.string() })

/** @throws LetheError LE803 when it is not there or cannot be read. */
export async function readAnchor(path: string): Promise<Anchor> {
  try {
    return await read(path)
  } catch (error) {
    throw failed(
      error,
      `the anchor ${path} cannot be read`,
      'lethe run and lethe work write it where LETHE_ANCHOR says',
    )
  }
}

/**
 * Adds the heads that the anchor does not have yet.
 *
 * @returns what was added.
 * @throws LetheError LE803 when it cannot be written, or has a later seal than the database.
 */
export async function anchorHeads(db: Queryable, path: string): Promise<Head[]> {
  const heads = await evidenceHeads(db)
  try {
    const { text } = await read(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return { text: '' }
      throw error
    })
    const fresh = heads.filter((head) => !isAnchored(head, text, path))
    if (fresh.length === 0) return []
    if (await isDirectory(path)) await addFiles(path, fresh)
    else await addLines(path, text, fresh)
    return fresh
  } catch (error) {
    throw failed(
      error,
      `the anchor ${path} cannot be written`,
      'the evidence is sealed all the same; the next cycle anchors it too',
    )
  }
}

/** The same with a connection of its own, for `lethe run`. */
export async function anchorEvidence(databaseUrl: string, path: string): Promise<Head[]> {
  const pool = openWorkerPool(databaseUrl, 1, { orOwner: true })
  try {
    return await anchorHeads(pool, path)
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await pool.end()
  }
}

/** An anchor that is ahead means a cut chain: adding to it would bury the proof. */
function isAnchored(head: Head, text: string, path: string): boolean {
  let found = false
  for (const line of text.split('\n')) {
    const old = parse(line)
    if (old?.controller !== head.controller) continue
    if (old.chain === head.chain && old.number < head.number) continue
    if (old.chain === head.chain && old.number === head.number && old.hash === head.hash) {
      found = true
      continue
    }
    throw new LetheError(
      `the anchor ${path} has seal ${old.number} of ${head.controller}, which does not belong to a chain that ends at ${head.number}`,
      { code: 'LE803', hint: `lethe verify --anchor ${path} says more` },
    )
  }
  return found
}

function parse(line: string): z.infer<typeof anchored> | undefined {
  try {
    return anchored.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

async function read(path: string): Promise<Anchor> {
  if (!(await isDirectory(path))) {
    const text = await readFile(path, 'utf8')
    return { text, sources: text.split('\n').map((_, index) => `line ${index + 1}`) }
  }
  const lines: string[] = []
  const sources: string[] = []
  for (const name of (await readdir(path)).filter((name) => name.endsWith('.json')).sort()) {
    // A file that somebody emptied is to be noticed as well.
    const written = (await readFile(join(path, name), 'utf8')).trim() || '""'
    for (const line of written.split('\n')) {
      lines.push(line)
      sources.push(name)
    }
  }
  return { text: lines.join('\n'), sources }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function addLines(path: string, text: string, heads: Head[]): Promise<void> {
  // A line that was torn by a full disk stays by itself.
  const begin = text === '' || text.endsWith('\n') ? '' : '\n'
  await write(path, 'a', begin + heads.map(({ line }) => `${line}\n`).join(''))
  await sync(dirname(path))
}

async function addFiles(folder: string, heads: Head[]): Promise<void> {
  for (const { controller, number, hash, line } of heads) {
    const name = `${controller}-${String(number).padStart(8, '0')}-${hash.slice(0, 16)}.json`
    await write(join(folder, name), 'wx', `${line}\n`).catch((error: NodeJS.ErrnoException) => {
      // Another worker was quicker.
      if (error.code !== 'EEXIST') throw error
    })
  }
  await sync(folder)
}

async function write(path: string, flags: string, text: string): Promise<void> {
  await using file: FileHandle = await open(path, flags, 0o644)
  await file.writeFile(text)
  await file.sync()
}

/** A new name survives a crash once its folder is on disk. Some network mounts cannot do that. */
async function sync(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync().catch(() => undefined)
}

function failed(error: unknown, sentence: string, hint: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof LetheError || typeof code !== 'string' || !('syscall' in (error as object)))
    return error
  return new LetheError(`${sentence}: ${WHY[code] ?? code}`, { code: 'LE803', hint, cause: error })
}

const WHY: Record<string, string> = {
  ENOENT: 'it is not there, or its folder is not',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is no folder',
}
