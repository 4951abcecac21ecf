//! Told by `/proc`: whom the first process started, by descent, by group, and by the launch's marker.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal, set_child_subreaper, waitpid,
};

use crate::process::marker::Marker;

/// How long what was killed may take to be gone. A process that waits for a broken disk cannot be killed at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a child is waited for to become another program. It shows no environment meanwhile, and one that was left
/// so by who started it cannot be told from a stranger's.
const BECOMING: Duration = Duration::from_millis(250);

/// Lets this process, and not the system's first one, have the children of servers that ended: so they stay its
/// descendants, and are found.
pub(in crate::process) fn adopt_orphans() {
    // Where it is refused, the marker still finds them.
    let _ = set_child_subreaper(Some(getpid()));
}

/// That this process has no children but those it starts from now on, and adopts none but what they leave.
#[derive(Debug)]
pub(crate) struct Alone(());

impl Alone {
    /// `None` for a process that has a child, whose orphans it would adopt, and for the system's or a container's first
    /// one, which is given those of everybody.
    pub(crate) fn look() -> Option<Self> {
        let own = getpid();
        (!own.is_init() && !all().iter().any(|seen| seen.parent == Some(own))).then_some(Self(()))
    }

    /// Kills every child of this process, and what descends from it: for one that started none but servers, all of which
    /// are stopped.
    pub(crate) fn sweep(&self) {
        let own = getpid();
        let look = || {
            let all = all();
            let children = all.iter().filter(|seen| seen.parent == Some(own));
            let mut found: HashMap<Pid, u64> = children.map(Seen::key).collect();
            add_descendants(&mut found, &all);
            Sight { all, members: found, is_sure: true }
        };
        kill_until_gone(look, None);
    }
}

/// Lets go of every child of this process that ended: for one that started none but servers, none of which runs.
pub(crate) fn let_go_of_ended() {
    let own = getpid();
    for seen in all().iter().filter(|seen| seen.is_dead && seen.parent == Some(own)) {
        let _ = waitpid(Some(seen.pid), WaitOptions::NOHANG);
    }
}

/// Kills what has the marker of a launch, and what descends from it: all there may be of one whose first process is not
/// known.
pub(in crate::process) fn kill_marked(marker: &Marker) {
    // One that was killed has no environment any more until it is let go of.
    let mut known = HashMap::new();
    let look = || {
        let all = all();
        known.extend(all.iter().filter(|seen| seen.has(marker)).map(Seen::key));
        let is_known = |seen: &&Seen| known.get(&seen.pid) == Some(&seen.began);
        let mut found: HashMap<Pid, u64> = all.iter().filter(is_known).map(Seen::key).collect();
        add_descendants(&mut found, &all);
        let is_sure = !all.iter().any(|seen| !found.contains_key(&seen.pid) && seen.is_becoming());
        Sight { all, members: found, is_sure }
    };
    kill_until_gone(look, None);
}

/// What was seen of all processes.
struct Sight {
    all: Vec<Seen>,
    /// Those that are looked for, with the times at which they began.
    members: HashMap<Pid, u64>,
    /// Whether of each of the others it could be told that it is none of them.
    is_sure: bool,
}

/// The processes of a launch.
#[derive(Debug)]
pub(in crate::process) struct Tree {
    root: Pid,
    marker: Marker,
    /// Those that were ever found, with the times at which they began: one that is orphaned is known again.
    known: HashMap<Pid, u64>,
    /// When the first began, in the system's ticks.
    began: u64,
}

impl Tree {
    pub(in crate::process) fn new(root: Pid, marker: Marker) -> Self {
        let began = Seen::of(root).map_or(0, |seen| seen.began);
        Self { root, marker, known: HashMap::from([(root, began)]), began }
    }

    /// Notes who is of it. To be done before the first is let go of: after that its number may be given to another.
    pub(in crate::process) fn note(&mut self) {
        self.look();
    }

    /// The same where the first of them ended, and was not let go of.
    pub(in crate::process) fn note_if_ended(&mut self) {
        if Seen::of(self.root).is_some_and(|root| root.is_dead) {
            self.note();
        }
    }

    /// Whether none of them runs any more. Those that ended are let go of.
    pub(in crate::process) fn is_gone(&mut self) -> bool {
        !reap(&self.look(), Some(self.root))
    }

    /// Sends all of them a signal.
    pub(in crate::process) fn signal_all(&mut self, signal: Signal) {
        self.look().members.iter().for_each(|(pid, began)| send(*pid, *began, signal));
    }

    /// Kills all of them, and those they make meanwhile, and waits until they are gone.
    pub(in crate::process) fn kill(&mut self) {
        let root = self.root;
        kill_until_gone(|| self.look(), Some(root));
    }

    fn look(&mut self) -> Sight {
        let all = all();
        let mut found = HashMap::new();
        // A group's number is not given to another while it has a member: one that is known says whose it is.
        let is_known = |seen: &Seen| self.known.get(&seen.pid) == Some(&seen.began);
        let is_own_group = all.iter().any(|seen| seen.group == Some(self.root) && is_known(seen));
        for seen in &all {
            let (pid, began) = seen.key();
            let is_of_group = is_own_group && seen.group == Some(self.root) && began >= self.began;
            if is_known(seen) || is_of_group || (began >= self.began && seen.has(&self.marker)) {
                found.insert(pid, began);
            }
        }
        add_descendants(&mut found, &all);
        self.known.extend(&found);
        let may_be = |seen: &Seen| seen.began >= self.began && !found.contains_key(&seen.pid) && seen.is_becoming();
        let is_sure = !all.iter().any(may_be);
        Sight { all, members: found, is_sure }
    }
}

/// Kills what is found, until nothing is: twice in a row. A look is no picture of one instant: who was not there when
/// the processes were listed may have been left by one that ended before it was looked at.
fn kill_until_gone(mut look: impl FnMut() -> Sight, root: Option<Pid>) {
    let began = Instant::now();
    let mut pause = Duration::from_micros(500);
    let mut was_quiet = false;
    loop {
        let sight = look();
        let patience = match (reap(&sight, root), sight.is_sure) {
            (false, true) if was_quiet => return,
            (false, true) => {
                was_quiet = true;
                continue;
            }
            (true, _) => PATIENCE,
            (false, false) => BECOMING,
        };
        if began.elapsed() >= patience {
            return;
        }
        was_quiet = false;
        sight.members.iter().for_each(|(pid, began)| send(*pid, *began, Signal::KILL));
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Lets go of the members that ended and are this process's to wait for; whether any still runs. The first process,
/// `root`, is waited for by whoever made it.
fn reap(sight: &Sight, root: Option<Pid>) -> bool {
    let own = getpid();
    let mut any_runs = false;
    for seen in sight.all.iter().filter(|seen| sight.members.contains_key(&seen.pid)) {
        if !seen.is_dead {
            any_runs = true;
        } else if seen.parent == Some(own) && root != Some(seen.pid) {
            let _ = waitpid(Some(seen.pid), WaitOptions::NOHANG);
        }
    }
    any_runs
}

fn add_descendants(found: &mut HashMap<Pid, u64>, all: &[Seen]) {
    let own = getpid();
    loop {
        let before = found.len();
        let is_child = |seen: &&Seen| seen.pid != own && seen.parent.is_some_and(|parent| found.contains_key(&parent));
        let children: Vec<_> = all.iter().filter(is_child).map(Seen::key).collect();
        found.extend(children);
        if found.len() == before {
            return;
        }
    }
}

/// Sends a signal to that process, and to no other that has its number by now.
fn send(pid: Pid, began: u64, signal: Signal) {
    // What the descriptor holds is told apart by its beginning, and does not change after that.
    if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
        && Seen::of(pid).is_some_and(|seen| seen.began == began)
    {
        let _ = pidfd_send_signal(process, signal);
    }
}

/// What the system tells of a process.
#[derive(Debug)]
struct Seen {
    pid: Pid,
    parent: Option<Pid>,
    group: Option<Pid>,
    began: u64,
    is_dead: bool,
}

impl Seen {
    fn of(pid: Pid) -> Option<Self> {
        Self::read(pid, &fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    /// Reads `PID (NAME) STATE PARENT GROUP …`, in which the name may hold anything.
    fn read(pid: Pid, stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        // One that is being let go of at this moment is said to be of the group -1: of none.
        let mut id = || Some(Pid::from_raw(fields.next()?.parse::<i32>().ok()?.max(0)));
        let (parent, group) = (id()?, id()?);
        let began = fields.nth(16)?.parse().ok()?;
        Some(Self { pid, parent, group, began, is_dead: matches!(state, "Z" | "X") })
    }

    fn key(&self) -> (Pid, u64) {
        (self.pid, self.began)
    }

    fn has(&self, marker: &Marker) -> bool {
        self.environment().is_some_and(|environment| marker.is_in(&environment))
    }

    /// Whether it is a child of this process that shows no environment, as one does that is becoming another program.
    fn is_becoming(&self) -> bool {
        !self.is_dead && self.parent == Some(getpid()) && self.environment().is_some_and(|it| it.is_empty())
    }

    fn environment(&self) -> Option<Vec<u8>> {
        fs::read(format!("/proc/{}/environ", self.pid.as_raw_nonzero())).ok()
    }
}

fn all() -> Vec<Seen> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| Pid::from_raw(folder.file_name().to_str()?.parse().ok()?));
    pids.filter_map(Seen::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "whoever kills them waits for them")]
    fn s7_what_nobody_holds_is_found_by_its_mark() {
        let (marker, other) = (Marker::new().unwrap(), Marker::new().unwrap());
        let start = |marker: &Marker| {
            let child = std::process::Command::new("sleep").arg("60").env(marker.name(), "1").spawn().unwrap();
            Pid::from_child(&child)
        };
        let (mine, others) = (start(&marker), start(&other));
        kill_marked(&marker);
        assert!(Seen::of(mine).is_none() && Seen::of(others).is_some_and(|seen| !seen.is_dead));
        kill_marked(&other);
        assert!(Seen::of(others).is_none());
    }

    #[test]
    fn s8_a_group_is_trusted_while_somebody_known_is_in_it() {
        use std::os::unix::process::CommandExt;
        let sleeper = |group: i32| std::process::Command::new("sleep").arg("60").process_group(group).spawn().unwrap();
        let pid = |child: &std::process::Child| Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let mut root = sleeper(0);
        let mut other = sleeper(pid(&root).as_raw_nonzero().get());
        let mut tree = Tree::new(pid(&root), Marker::new().unwrap());
        // As after its number was given to another: what is in that group now is nothing of this one's.
        let mut stranger =
            Tree { known: HashMap::from([(pid(&root), 1)]), ..Tree::new(pid(&root), Marker::new().unwrap()) };
        root.kill().unwrap();
        assert!(stranger.look().members.is_empty());
        tree.note();
        root.wait().unwrap();
        assert!(tree.look().members.contains_key(&pid(&other)), "it is known, and says whose the group is");
        let mut late = Tree { known: HashMap::new(), ..stranger };
        assert!(late.look().members.is_empty(), "nobody is known of what has that number by now");
        tree.kill();
        assert!(tree.is_gone() && other.wait().is_err(), "it was let go of");
    }

    #[test]
    fn s7_a_child_without_an_environment_may_be_becoming_one_of_them() {
        let sleeper = |variables: &[(&str, &str)]| {
            let mut command = std::process::Command::new("/bin/sleep");
            command.arg("60").env_clear().envs(variables.iter().copied()).spawn().unwrap()
        };
        let (bare, clothed) = (sleeper(&[]), sleeper(&[("A", "1")]));
        let seen = |child: &std::process::Child| Seen::of(Pid::from_child(child)).unwrap();
        // Both are, until they have become what they are.
        while seen(&clothed).is_becoming() {}
        assert!(seen(&bare).is_becoming());
        // It is waited for in vain, and let alone.
        let mut root = sleeper(&[("A", "1")]);
        let mut tree = Tree::new(Pid::from_child(&root), Marker::new().unwrap());
        let later = sleeper(&[]);
        assert!(!tree.look().is_sure);
        tree.kill();
        assert!(root.wait().is_ok() && [&bare, &clothed, &later].iter().all(|child| !seen(child).is_dead));
        for mut child in [bare, clothed, later] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn s7_a_process_is_read_whatever_it_calls_itself() {
        let pid = Pid::from_raw(7).unwrap();
        let rest = "S 4 5 6 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 12345 999 1";
        for name in ["a", "a) R 1 2", ") (", "a b\nc"] {
            let seen = Seen::read(pid, &format!("7 ({name}) {rest}")).unwrap();
            assert_eq!((seen.parent, seen.group), (Pid::from_raw(4), Pid::from_raw(5)), "{name}");
            assert_eq!((seen.began, seen.is_dead), (12345, false));
        }
        assert!(Seen::read(pid, &format!("7 (a) Z{}", rest.trim_start_matches('S'))).unwrap().is_dead);
        assert_eq!(Seen::read(pid, &format!("7 (a) {}", rest.replace("4 5 6", "4 -1 -1"))).unwrap().group, None);
        assert!(Seen::read(pid, "").is_none() && Seen::read(pid, "7 (a) S 1").is_none());
        let own = Seen::of(getpid()).unwrap();
        assert!(own.began > 0 && !own.is_dead && all().iter().any(|seen| seen.pid == own.pid));
    }
}
