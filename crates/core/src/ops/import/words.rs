//! The words of an instruction: split at spaces, without their quotes, and with what variables stand for.

use crate::error::{Error, Result, printable};

/// How much text instructions may be together, and one value when it is expanded.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A list of texts, if it is one.
pub(super) fn json(rest: &str) -> Option<Vec<String>> {
    rest.starts_with('[').then(|| serde_json::from_str(rest).ok()).flatten()
}

/// Splits at spaces that are not quoted; quotes and backslashes stay.
pub(super) fn split(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        let space = c.is_whitespace() && quote.is_none() && !escaped;
        match c {
            _ if space => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            '\\' if !escaped && quote != Some('\'') => escaped = true,
            '"' | '\'' if !escaped && quote.is_none() => quote = Some(c),
            _ => {
                if !escaped && quote == Some(c) {
                    quote = None;
                }
                escaped = false;
            }
        }
        word.push(c);
    }
    if quote.is_some() {
        return Err(Error::invalid(format!("unterminated quote in {:?}", printable(text))));
    }
    words.extend(Some(word).filter(|w| !w.is_empty()));
    Ok(words)
}

/// A word without its quotes; `\$` stays for [`expand`].
pub(super) fn unquoted(word: &str) -> Result<String> {
    let (mut out, mut quote) = (String::new(), None);
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quote != Some('\'') => match chars.peek() {
                Some('$') | None => out.push('\\'),
                Some(_) => out.extend(chars.next()),
            },
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            // Nothing is put in where single quotes are.
            '$' if quote == Some('\'') => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    match quote {
        Some(_) => Err(Error::invalid(format!("unterminated quote in {:?}", printable(word)))),
        None => Ok(out),
    }
}

/// Puts in what an environment of `NAME=value` has for each `$NAME` and `${NAME}`; `\$` is a dollar.
pub(super) fn expand(text: &str, environment: &[String]) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if let Some(literal) = before.strip_suffix('\\') {
            out.push_str(literal);
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(before);
        let (name, behind) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').unwrap_or((braced, "")),
            None => after.split_at(after.bytes().take_while(|b| is_of_name(*b)).count()),
        };
        if !name.bytes().all(is_of_name) {
            let text = format!("unsupported substitution in {:?}", printable(text));
            return Err(Error::invalid(text));
        }
        let prefix = format!("{name}=");
        match environment.iter().find_map(|e| e.strip_prefix(&prefix)) {
            _ if name.is_empty() => out.push('$'),
            value => out.push_str(value.unwrap_or_default()),
        }
        if out.len() > MAX_BYTES {
            return Err(Error::invalid(format!("more than {MAX_BYTES} bytes of changes")));
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
