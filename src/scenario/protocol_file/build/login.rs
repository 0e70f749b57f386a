//! `[[login]]`: HTTP before the socket.

use super::Builder;
use super::templates::{Here, Kind};
use crate::protocol::description::{Each, Login};
use crate::protocol::matcher::{Condition, Matcher};
use crate::protocol::template::Template;
use crate::scenario::alike::{not_zero, wrong_header};
use crate::scenario::keys::Field;
use crate::scenario::mistake::Span;
use crate::scenario::protocol_file::raw;
use crate::scenario::protocol_file::texts::{Text, Texts};

/// Methods that a login has been seen to use; any other word in capitals is taken too.
const EXAMPLE: &str = "POST {{ target.http }}/api/login";

impl Builder<'_> {
    pub(super) fn logins(&mut self, file: &raw::File) -> Vec<Login> {
        let logins = file.login.get().map_or(&[][..], |logins| &logins.0);
        logins.iter().map(|at| self.login(&at.value)).collect()
    }

    fn login(&mut self, raw: &raw::Login) -> Login {
        let each = raw.each.value().0;
        let here = Here { id: false, login: Some(each), ..Here::step("a login") };
        let plain = Here { quotes: false, ..here };
        not_zero("login.timeout", &raw.timeout, self.mistakes);
        let (method, url) = raw
            .request
            .get()
            .and_then(|request| self.request(request, &plain))
            .unwrap_or_else(|| (String::new(), Template::literal("")));
        let headers = self.headers(&raw.headers, &plain);
        let body = raw.body.get().and_then(|body| self.template(body, Kind::Text, &here));
        let expect = raw.expect.get();
        let expected = expect.map(|expect| self.answer(expect, &here));
        if each == Each::Run {
            self.alike(&raw.request, "request");
            self.alike(&raw.body, "body");
        }
        Login {
            each,
            method,
            url,
            headers,
            body,
            status: expect
                .and_then(|expect| expect.status.get())
                .and_then(|status| u16::try_from(status.get()).ok()),
            expect: expected.flatten(),
            captures: self.captures(&raw.capture, true),
            timeout: raw.timeout.value(),
        }
    }

    /// One login for all clients has no client to name.
    fn alike(&mut self, field: &Field<Text>, what: &str) {
        let Some(text) = field.get() else { return };
        for wanted in ["client", "user."] {
            let mut from = 0;
            while let Some(open) = text.text[from..].find("{{") {
                let at = from + open + 2;
                let variable = text.text[at..].trim_start();
                let start = text.text.len() - variable.len();
                let names_it = variable.strip_prefix(wanted).is_some_and(|rest| {
                    wanted.ends_with('.')
                        || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                });
                if names_it {
                    let span = self.inside(&text.span, &text.text, start..start + wanted.len());
                    self.mistakes
                        .add(
                            &span,
                            format!("the {what} of a login for the whole run names a client"),
                        )
                        .label("which client's?")
                        .help("write `each = \"client\"`, the default");
                }
                from = at;
            }
        }
    }

    /// "METHOD URL".
    fn request(&mut self, request: &Text, here: &Here) -> Option<(String, Template)> {
        let (method, url) = match request.text.trim_start().split_once(char::is_whitespace) {
            Some((method, url)) => (method, url.trim()),
            None => ("", request.text.trim()),
        };
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method {
            self.mistakes
                .add(&request.span, format!("`{}` begins with no method", request.path))
                .label("GET or POST?")
                .help(format!("write it as \"{EXAMPLE}\""));
            return None;
        }
        let is_absolute =
            ["http://", "https://", "{{"].into_iter().any(|start| url.starts_with(start));
        if !is_absolute {
            let help = if url.starts_with('/') {
                format!("write \"{method} {{{{ target.http }}}}{url}\"")
            } else {
                format!("write it as \"{EXAMPLE}\"")
            };
            self.mistakes
                .add(&request.span, format!("`{}` has no absolute URL", request.path))
                .label("of which host?")
                .help(help);
            return None;
        }
        // The template's mistakes are shown in the string, whose beginning is the method.
        let before = request.text.len() - request.text.trim_start().len();
        let offset = request.text[before + method.len()..]
            .find(|c: char| !c.is_whitespace())
            .map_or(0, |blank| before + method.len() + blank);
        let mut part = request.clone();
        part.span = self.inside(&request.span, &request.text, offset..request.text.len());
        part.text = url.to_owned();
        Some((method.to_owned(), self.template(&part, Kind::Text, here)?))
    }

    /// What the body must match; `None` where nothing is said of it.
    fn answer(&mut self, raw: &raw::LoginExpect, here: &Here) -> Option<Matcher> {
        let condition = Condition {
            equals: self.text(&raw.equals, here),
            starts_with: self.text(&raw.starts_with, here),
            ends_with: self.text(&raw.ends_with, here),
            contains: self.text(&raw.contains, here),
            pattern: raw.pattern.get().and_then(|text| self.pattern_template(text, here)),
            json: self.wants(raw.json.get(), "login.expect", here),
            hex: None,
            frame: None,
            not: raw.not.get().map(|not| Box::new(self.matcher(not, here))),
        };
        (condition != Condition::default()).then(|| Matcher::new(vec![condition]))
    }

    /// Headers of an upgrade or a login.
    pub(super) fn headers(&mut self, field: &Field<Texts>, here: &Here) -> Vec<(String, Template)> {
        let mut headers: Vec<(String, Template)> = Vec::new();
        for (name, value) in field.get().map_or(&[][..], |texts| &texts.0) {
            // What templates put there is looked at when it is sent.
            let literal = if value.text.contains("{{") { "" } else { value.text.as_str() };
            if let Some((why, help)) = wrong_header(&name.value, literal) {
                self.mistakes.add(&name.span, why).label("can't be sent").help(help);
            } else if headers.iter().any(|(old, _)| old.eq_ignore_ascii_case(&name.value)) {
                self.twice(&name.value, &name.span);
            } else if let Some(template) = self.template(value, Kind::Text, here) {
                headers.push((name.value.clone(), template));
            }
        }
        headers
    }

    fn twice(&mut self, name: &str, span: &Span) {
        self.mistakes
            .add(span, format!("the header `{name}` stands here twice"))
            .label("a second time")
            .help("upper and lower case are the same in a header's name");
    }
}
