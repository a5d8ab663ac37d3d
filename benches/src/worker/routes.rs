//! What one request of each route takes, many times over: by the client's library, so that nothing else is asked.

use sci_benches::server::Failure;
use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_remote::{Address, Remote, Settings, Token, Wanted};
use sci_store_api::resolve::{PathQuery, ResolveRequest, RestorePolicy};
use sci_store_api::saves::CommitSave;
use sci_store_api::{Instance, Object, ObjectKind, ObjectSink as _, ObjectSource as _, PathName, Secret};

use crate::local::{Counted, Local};

/// What one request takes, on average.
pub(crate) struct Route {
    pub(crate) what: &'static str,
    pub(crate) counted: Counted,
    pub(crate) times: usize,
    /// Milliseconds of workerd's processor for all of them.
    pub(crate) processor: f64,
}

/// Whoever asks.
struct Asker<'a> {
    local: &'a Local,
    token: String,
    times: usize,
    routes: Vec<Route>,
}

/// Asks for each so many times.
pub(crate) fn measured(local: &Local, times: usize) -> Result<Vec<Route>, Failure> {
    let mut asker = Asker { local, token: local.token("branch:routes")?, times, routes: Vec::new() };
    let remote = asker.remote()?;
    // The first ones have the index made and the code translated.
    for _ in 0..times.min(50) {
        asker.remote()?.session()?;
        remote.health()?;
    }
    asker.measure("health", |_| Ok(remote.health()?))?;
    let strangers = (0..times).map(|_| asker.remote()).collect::<Result<Vec<_>, _>>()?;
    asker.measure("session", |number| Ok(strangers[number].session()?))?;
    asker.measure("begin a save", |number| {
        Ok(remote.begin(&path()?, &instance()?, ladder(number).key(), Vec::new())?)
    })?;
    asker.measure("store 64 kB", |number| Ok(remote.put_derivation(&noise(number))?))?;
    let mut last = None;
    asker.measure("begin, store twice and commit", |number| {
        last = Some(save(&remote, times + number)?);
        Ok(())
    })?;
    let last = last.ok_or("nothing was measured")?;
    let asked = ResolveRequest { paths: vec![query(last.ladder)?], ancestors: Vec::new() };
    asker.measure("resolve, exact", |_| Ok(remote.resolve(&asked)?))?;
    let near = ResolveRequest { paths: vec![query(ladder(usize::MAX))?], ancestors: Vec::new() };
    asker.measure("resolve, nearest", |_| Ok(remote.resolve(&near)?))?;
    asker.measure("read 64 kB", |_| Ok(remote.read(&last.manifest, 0..64_000)?))?;
    Ok(asker.routes)
}

impl Asker<'_> {
    fn remote(&self) -> Result<Remote, Failure> {
        let address = Address::new(self.local.url(), false)?;
        let identity = Token::new(Secret::new(self.token.clone()), "the bench's");
        Ok(Remote::new(address, Settings::default(), Box::new(identity), Wanted::default())?)
    }

    fn measure<T>(
        &mut self,
        what: &'static str,
        mut ask: impl FnMut(usize) -> Result<T, Failure>,
    ) -> Result<(), Failure> {
        self.local.counted()?;
        let before = self.local.processor()?;
        (0..self.times).try_for_each(|number| ask(number).map(drop))?;
        let processor = self.local.processor()? - before;
        self.routes.push(Route { what, counted: self.local.counted()?, times: self.times, processor });
        Ok(())
    }
}

/// A save of two objects. The service reads none of them.
fn save(remote: &Remote, number: usize) -> Result<CommitSave, Failure> {
    let ladder = ladder(number);
    let save = remote.begin(&path()?, &instance()?, ladder.key(), Vec::new())?;
    let put = |bytes, kind| {
        let object = Object::of(bytes);
        let listed = object.listed(kind);
        save.put(object).map(|()| listed)
    };
    let manifest = put(noise(number), ObjectKind::Manifest)?;
    let derivation = put(format!("{number}").into_bytes(), ObjectKind::Derivation)?;
    let tree = Digest::of(&number.to_le_bytes());
    let commit = CommitSave {
        ladder,
        sketch: Sketch::of(std::iter::once(tree)),
        derivation: derivation.id,
        manifest: manifest.id,
        objects: vec![manifest, derivation],
        tree,
        files: 1,
        bytes: manifest.size,
        settled: true,
    };
    save.commit(&commit)?;
    Ok(commit)
}

fn query(ladder: Ladder) -> Result<PathQuery, Failure> {
    let sketch = Sketch::of(std::iter::once(ladder.key()));
    let (restore, at_least) = (RestorePolicy::Nearest, InputClass::Tools);
    Ok(PathQuery { path: path()?, instance: instance()?, ladder, sketch, restore, at_least })
}

fn ladder(number: usize) -> Ladder {
    let mut derivation = Derivation::default();
    derivation.insert(InputClass::Lockfiles, "lock".into(), Digest::of(&number.to_le_bytes()));
    derivation.ladder()
}

fn noise(number: usize) -> Vec<u8> {
    let mut bytes = vec![0; 64_000];
    fastrand::Rng::with_seed(number as u64).fill(&mut bytes);
    bytes
}

fn path() -> Result<PathName, Failure> {
    Ok(PathName::new("target")?)
}

fn instance() -> Result<Instance, Failure> {
    Ok(Instance::new("target")?)
}
