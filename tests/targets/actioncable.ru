# Rooms by subscription, over Action Cable alone, without Rails: RoomChannel(room), whose members hear
# what one of them speaks. The token "bad" is refused, the room "refused" too.
#
#   puma --bind tcp://127.0.0.1:PORT --quiet actioncable.ru

require "logger"
require "active_support"
require "active_support/all"
require "action_cable"

class Connection < ActionCable::Connection::Base
  def connect
    reject_unauthorized_connection if request.params[:token] == "bad"
  end
end

class RoomChannel < ActionCable::Channel::Base
  def subscribed
    return reject if params[:room] == "refused"

    stream_from "room_#{params[:room]}"
  end

  def speak(data)
    ActionCable.server.broadcast("room_#{params[:room]}", { body: data["body"] })
  end
end

ActionCable.server.config.tap do |config|
  config.logger = Logger.new(nil)
  config.cable = { "adapter" => "async" }
  config.connection_class = -> { Connection }
  config.disable_request_forgery_protection = true
end

map("/cable") { run ActionCable.server }
