//! The fields that packets from the server are made of, read one after the other.
//!
//! Sections are those of OASIS MQTT 5.0; where 3.1.1 has the same under another number, it stands
//! behind a slash.

/// Why a packet can't be read, said of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it ends too early")]
    Short,
    #[error("the length of its properties goes on after its fourth byte")]
    Length,
    #[error("a text in it is no UTF-8, or holds NUL")]
    Text,
    #[error("its packet identifier is 0")]
    Identifier,
    #[error("it has the reserved flags {0:#010b}")]
    Flags(u8),
    #[error("{0:#04x} is no reason code of it")]
    Reason(u8),
    #[error("{0:#04x} is no property of it")]
    Property(u8),
    #[error("its property {0:#04x} comes twice")]
    Twice(u8),
    #[error("its property {0:#04x} has a value that is not allowed")]
    Value(u8),
}

/// What of a packet is still to be read. A field that isn't whole is [`Malformed::Short`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// A Two Byte Integer, 1.5.2.
    pub(super) fn two_bytes(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// A Four Byte Integer, 1.5.3.
    pub(super) fn four_bytes(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A Packet Identifier, 2.2.1/2.3.1: an answer to nobody has 0.
    pub(super) fn packet_id(&mut self) -> Result<u16, Malformed> {
        match self.two_bytes()? {
            0 => Err(Malformed::Identifier),
            packet_id => Ok(packet_id),
        }
    }

    /// A Variable Byte Integer, 1.5.5. As with a packet's own length, one that could be shorter is
    /// taken for what it says.
    pub(super) fn variable(&mut self) -> Result<usize, Malformed> {
        let mut value = 0;
        for at in 0..4 {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Length)
    }

    /// Binary Data, 1.5.6.
    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.two_bytes()?;
        self.take(usize::from(length))
    }

    /// A UTF-8 Encoded String, 1.5.4/1.5.3: without U+0000.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.binary()?).map_err(|_| Malformed::Text)?;
        if text.contains('\0') { Err(Malformed::Text) } else { Ok(text) }
    }
}
