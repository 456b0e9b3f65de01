use super::named::Named;
use crate::error::BoxError;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::reply::{Reply, Unexpected};
use crate::redis::connection::url::Address;

/// Returns the questions to a sentinel. In the middle of a failover only the first has the new
/// address already.
pub(super) fn questions(master_name: &str) -> Packed {
    let mut questions = Packed::default();
    for question in ["GET-MASTER-ADDR-BY-NAME", "MASTER"] {
        questions.command(3, |args| {
            args.text("SENTINEL").text(question).text(master_name);
        });
    }
    questions
}

/// Returns what the answers to both questions say.
pub(super) fn read(address: Reply, master: Reply) -> Result<Named, BoxError> {
    let address = parse_address(address)?.ok_or("it knows no master of this name")?;
    let fields = Fields::read(master);
    Ok(Named {
        address,
        epoch: fields.number("config-epoch"),
        is_being_replaced: fields.has_flag("failover_in_progress"),
        known_sentinels: fields.number("num-other-sentinels").map(|others| others + 1),
    })
}

/// Returns the host and the port, or `None` if the sentinel knows no such master.
fn parse_address(reply: Reply) -> Result<Option<Address>, BoxError> {
    if matches!(reply, Reply::Nil) {
        return Ok(None);
    }
    let mut parts = reply.into_array()?.into_iter().map(|part| {
        let part = part.into_text()?.ok_or(Unexpected)?;
        Ok::<_, BoxError>(String::from_utf8(part)?)
    });
    let (Some(host), Some(port)) = (parts.next(), parts.next()) else {
        return Err(Unexpected.into());
    };
    Ok(Some(Address::new(host?, port?.parse()?)))
}

/// The fields in which a sentinel describes a master: names and values in turn.
struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    fn read(reply: Reply) -> Self {
        let texts = reply.into_array().unwrap_or_default();
        let mut texts = texts.into_iter().map(|text| text.into_text().ok().flatten());
        let mut fields = Vec::new();
        while let (Some(Some(name)), Some(Some(value))) = (texts.next(), texts.next()) {
            fields.push((name, value));
        }
        Self(fields)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name.as_bytes())?;
        str::from_utf8(value).ok()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.text("flags").is_some_and(|flags| flags.split(',').any(|other| other == flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn an_address_of_any_form_is_an_address_or_an_error() {
        let address = |items: Vec<Reply>| parse_address(Reply::Array(items)).ok().flatten();
        assert_eq!(address(vec![text("h"), text("1")]), Some(Address::new("h", 1)));
        assert_eq!(address(vec![text("h")]), None);
        assert_eq!(address(vec![text("h"), text("65536")]), None);
        assert_eq!(address(vec![Reply::Int(1), Reply::Nil]), None);
        assert!(parse_address(Reply::Nil).is_ok_and(|address| address.is_none()));
        assert!(parse_address(Reply::Int(1)).is_err());
    }

    #[test]
    fn fields_are_found_by_name_and_what_is_missing_is_unknown() {
        let words = ["name", "m", "config-epoch", "7", "num-other-sentinels", "x"];
        let flags = ["flags", "master,failover_in_progress", "odd"];
        let words = words.into_iter().chain(flags).map(text);
        let fields = Fields::read(Reply::Array(words.collect()));
        assert!(fields.has_flag("failover_in_progress") && !fields.has_flag("failover"));
        assert_eq!(fields.number("config-epoch"), Some(7));
        assert_eq!(fields.number("num-other-sentinels"), None);
        assert_eq!(fields.number("m"), None);
        assert_eq!(Fields::read(Reply::Nil).number("name"), None);
    }
}
