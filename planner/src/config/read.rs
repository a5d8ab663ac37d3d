//! The shape of sci.toml: which keys there are and what type each has. What they mean together is judged later.

use sci_hasher::InputClass;
use sci_presets::{Check, Members, Prune, RestorePolicy, SavePolicy, Search, Shared};
use toml::de::DeTable;

use super::error::{Errors, Located};
use super::toml::Value;
use super::{EnvInput, StoreConfig, TextMode, ToolInput, narrow};
use crate::glob::{self, Separator};
use crate::inputs::InputPattern;

/// More paths than this are refused: each is compared with every other.
const PATHS_LIMIT: usize = 1000;

const TOP_KEYS: &[&str] = &["presets", "variant", "text", "store", "path"];
const STORE_KEYS: &[&str] = &["url", "trusted-public-keys", "repository", "project", "path"];
const PATH_KEYS: &[&str] = &[
    "path",
    "beside",
    "configs",
    "lockfiles",
    "sources",
    "env",
    "tools",
    "exclude",
    "after",
    "optional",
    "restore",
    "match",
    "save",
    "replay",
    "absolute-root",
    "system-release",
    "check",
    "shared",
    "members",
    "prune",
];
const PATTERN_KEYS: &[&str] = &["pattern", "optional", "search", "file", "member"];
const ENV_KEYS: &[&str] = &["name", "show"];

/// sci.toml as it was written, types checked.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) presets: Vec<Located<String>>,
    pub(super) variant: Option<String>,
    pub(super) text: TextMode,
    pub(super) store: StoreConfig,
    pub(super) paths: Vec<PathTable>,
}

/// One `[path.…]` table: what is absent is the preset's, or the default.
#[derive(Debug)]
pub(super) struct PathTable {
    pub(super) name: Located<String>,
    /// `Some(None)`: there is one, and it was refused already.
    pub(super) path: Option<Option<Located<String>>>,
    pub(super) beside: Option<Vec<Located<String>>>,
    pub(super) configs: Option<Vec<InputPattern>>,
    pub(super) lockfiles: Option<Vec<InputPattern>>,
    pub(super) sources: Option<Vec<InputPattern>>,
    pub(super) env: Option<Vec<EnvInput>>,
    pub(super) tools: Option<Vec<ToolInput>>,
    pub(super) exclude: Option<Vec<Located<String>>>,
    pub(super) after: Option<Vec<Located<String>>>,
    pub(super) optional: Option<bool>,
    pub(super) restore: Option<RestorePolicy>,
    pub(super) matching: Option<InputClass>,
    pub(super) save: Option<SavePolicy>,
    pub(super) replay: Option<bool>,
    pub(super) absolute_root: Option<bool>,
    pub(super) system_release: Option<bool>,
    pub(super) check: Option<Check>,
    pub(super) shared: Option<Shared>,
    pub(super) members: Option<Members>,
    pub(super) prune: Option<Prune>,
}

/// Reads the whole document.
pub(super) fn document(root: &DeTable<'_>, errors: &mut Errors<'_>) -> Document {
    errors.known_keys(root, TOP_KEYS, "sci.toml");
    let presets = root.get("presets").and_then(|value| errors.strings(value, "presets")).unwrap_or_default();
    let variant = root.get("variant").and_then(|value| errors.string(value, "variant")).map(|text| text.value);
    let modes = [("bytes", TextMode::Bytes), ("auto", TextMode::Auto)];
    let text = root.get("text").and_then(|value| errors.choice(value, "text", &modes)).unwrap_or_default();
    let store = root.get("store").and_then(|value| store(value, errors)).unwrap_or_default();
    let mut paths = Vec::new();
    if let Some(tables) =
        root.get("path").and_then(|value| errors.table(value, "path", "[path.NAME], one for each path"))
    {
        if let Some((name, _)) = tables.iter().nth(PATHS_LIMIT) {
            errors.push(&name.span(), format!("there are more than {PATHS_LIMIT} paths"));
        }
        for (name, value) in tables.iter().take(PATHS_LIMIT) {
            let name = Located::new(name.get_ref().to_string(), name.span());
            paths.extend(path(name, value, errors));
        }
    }
    Document { presets, variant, text, store, paths }
}

fn store(value: &Value<'_>, errors: &mut Errors<'_>) -> Option<StoreConfig> {
    let table = errors.table(value, "store", "[store]")?;
    errors.known_keys(table, STORE_KEYS, "[store]");
    let mut text = |key: &str| table.get(key).and_then(|value| errors.string(value, key));
    let (url, repository, project, path) = (text("url"), text("repository"), text("project"), text("path"));
    let (project, path) = (project.map(|text| text.value), path.map(|text| text.value));
    if let Some(url) =
        url.as_ref().filter(|url| !url.value.starts_with("https://") && !url.value.starts_with("http://"))
    {
        let message = format!("`{}` is not the address of a store", url.value);
        errors.push_with_hint(&url.span, message, "`url` begins with https://; a directory belongs into `path`");
    }
    let keys = table.get("trusted-public-keys").and_then(|value| errors.strings(value, "trusted-public-keys"));
    if let (Some(_), Some(value)) = (&url, table.get("path")) {
        errors.push_with_hint(&value.span(), "`url` and `path` name two stores", "keep one of them");
    }
    Some(StoreConfig { url, trusted_public_keys: keys.unwrap_or_default(), repository, project, path })
}

fn path(name: Located<String>, value: &Value<'_>, errors: &mut Errors<'_>) -> Option<PathTable> {
    let owner = format!("[path.{}]", name.value);
    check_name(&name, errors);
    let form = format!("[path.{}] with a line path = \"…\" below it", name.value);
    let table = errors.table(value, &format!("path.{}", name.value), &form)?;
    errors.known_keys(table, PATH_KEYS, &owner);
    Some(PathTable {
        path: table.get("path").map(|value| errors.string(value, "path")),
        beside: table.get("beside").and_then(|value| beside(value, errors)),
        configs: table.get("configs").and_then(|value| patterns(value, "configs", errors)),
        lockfiles: table.get("lockfiles").and_then(|value| patterns(value, "lockfiles", errors)),
        sources: table.get("sources").and_then(|value| patterns(value, "sources", errors)),
        env: table.get("env").and_then(|value| env(value, errors)),
        tools: table.get("tools").and_then(|value| tools(value, errors)),
        exclude: table.get("exclude").and_then(|value| errors.strings(value, "exclude")),
        after: table.get("after").and_then(|value| errors.strings(value, "after")),
        optional: table.get("optional").and_then(|value| errors.boolean(value, "optional")),
        restore: table.get("restore").and_then(|value| {
            errors.choice(value, "restore", &RestorePolicy::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        matching: table
            .get("match")
            .and_then(|value| errors.choice(value, "match", &InputClass::ALL.map(|class| (class.name(), class)))),
        save: table.get("save").and_then(|value| {
            errors.choice(value, "save", &SavePolicy::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        replay: table.get("replay").and_then(|value| errors.boolean(value, "replay")),
        absolute_root: table.get("absolute-root").and_then(|value| errors.boolean(value, "absolute-root")),
        system_release: table.get("system-release").and_then(|value| errors.boolean(value, "system-release")),
        check: table.get("check").and_then(|value| {
            errors.choice(value, "check", &Check::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        shared: table.get("shared").and_then(|value| {
            errors.choice(value, "shared", &Shared::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        members: table.get("members").and_then(|value| {
            errors.choice(value, "members", &Members::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        prune: table.get("prune").and_then(|value| {
            errors.choice(value, "prune", &Prune::ALL.iter().map(|it| (it.name(), *it)).collect::<Vec<_>>())
        }),
        name,
    })
}

fn check_name(name: &Located<String>, errors: &mut Errors<'_>) {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    let dots = name.value.chars().all(|character| character == '.');
    if dots || !name.value.chars().all(allowed) {
        errors.push_with_hint(
            &name.span,
            format!("`{}` is not a name for a path", name.value),
            "a name has letters, digits, `.`, `_` and `-`; where the path is belongs into `path`",
        );
    }
}

fn patterns(value: &Value<'_>, key: &str, errors: &mut Errors<'_>) -> Option<Vec<InputPattern>> {
    let elements = errors.list(value, key)?;
    let patterns: Vec<_> = elements.iter().filter_map(|element| pattern(element, key, errors)).collect();
    let whole = patterns.len() == elements.len() && !patterns.is_empty();
    if whole && patterns.iter().all(InputPattern::is_exclusion) {
        errors.push_with_hint(
            &value.span(),
            format!("`{key}` takes files out and names none"),
            "a list replaces the preset's, it does not add to it: name what the files are taken out of, as in \"**/*\"",
        );
    }
    let whole = patterns.iter().filter(|pattern| pattern.member().is_none());
    errors.refuse_repetitions(key, whole.map(|pattern| (pattern.text(), pattern.span())));
    let parts = patterns.iter().filter_map(|pattern| Some((pattern, pattern.member()?)));
    let parts: Vec<_> =
        parts.map(|(pattern, member)| (format!("{} for {}", pattern.text(), member.text()), member.span())).collect();
    errors.refuse_repetitions(key, parts.iter().map(|(text, span)| (text.as_str(), *span)));
    Some(patterns)
}

fn pattern(value: &Value<'_>, key: &str, errors: &mut Errors<'_>) -> Option<InputPattern> {
    let ((text, member), optional, search) = match value.get_ref().as_table() {
        None => ((errors.element(value, key)?, None), false, Search::Nearest),
        Some(table) => {
            errors.known_keys(table, PATTERN_KEYS, &format!("a pattern of `{key}`"));
            let named = narrow::named(value, table, key, errors)?;
            let searches =
                [Search::Here, Search::Nearest, Search::Ancestors].map(|search| (search_name(search), search));
            let search = table.get("search").and_then(|value| errors.choice(value, "search", &searches));
            let optional = table.get("optional").and_then(|value| errors.boolean(value, "optional"));
            (named, optional.unwrap_or(false), search.unwrap_or(Search::Nearest))
        }
    };
    match InputPattern::parse(text, optional, search) {
        Ok(mut pattern) => {
            if let Some(member) = member {
                pattern.narrow(member);
            }
            Some(pattern)
        }
        Err(refused) => {
            errors.push_with_hint(&refused.span, refused.message, refused.hint);
            None
        }
    }
}

/// One name, or a list of them.
fn beside(value: &Value<'_>, errors: &mut Errors<'_>) -> Option<Vec<Located<String>>> {
    match value.get_ref().as_array() {
        Some(_) => errors.strings(value, "beside"),
        None => errors.string(value, "beside").map(|file| vec![file]),
    }
}

const fn search_name(search: Search) -> &'static str {
    match search {
        Search::Here => "here",
        Search::Nearest => "nearest",
        Search::Ancestors => "ancestors",
    }
}

fn env(value: &Value<'_>, errors: &mut Errors<'_>) -> Option<Vec<EnvInput>> {
    let mut entries = Vec::new();
    for element in errors.list(value, "env")? {
        entries.extend(env_input(element, errors));
    }
    errors.refuse_repetitions("env", entries.iter().map(|entry| (entry.name.value.as_str(), &entry.name.span)));
    Some(entries)
}

fn env_input(value: &Value<'_>, errors: &mut Errors<'_>) -> Option<EnvInput> {
    let (name, show) = match value.get_ref().as_table() {
        None => (errors.element(value, "env")?, false),
        Some(table) => {
            errors.known_keys(table, ENV_KEYS, "an entry of `env`");
            let Some(name) = table.get("name") else {
                errors.push_with_hint(
                    &value.span(),
                    "an entry of `env` without `name`",
                    "{ name = \"…\", show = true }",
                );
                return None;
            };
            let show = table.get("show").and_then(|value| errors.boolean(value, "show"));
            (errors.string(name, "name")?, show.unwrap_or(false))
        }
    };
    if name.value.contains(|character: char| matches!(character, '=' | '$') || character.is_whitespace()) {
        errors.push_with_hint(
            &name.span,
            format!("`{}` is not the name of a variable", name.value),
            "only the name belongs here; the value is read from the environment",
        );
        return None;
    }
    if let Err(error) = glob::compile(&[&name.value], Separator::Plain) {
        errors.push(&name.span, format!("`{}` is not a valid glob: {error}", name.value));
        return None;
    }
    Some(EnvInput { name, show })
}

fn tools(value: &Value<'_>, errors: &mut Errors<'_>) -> Option<Vec<ToolInput>> {
    let commands = errors.strings(value, "tools")?;
    let mut kept = Vec::new();
    for command in commands {
        match shell_words::split(&command.value) {
            Ok(argv) if !argv.is_empty() => kept.push(ToolInput { command, argv }),
            Ok(_) => errors.push(&command.span, "a tool without a program"),
            Err(_) => errors.push_with_hint(
                &command.span,
                format!("`{}` cannot be split into words", command.value),
                "a quote is not closed; no shell runs, so only quoting works",
            ),
        }
    }
    Some(kept)
}
